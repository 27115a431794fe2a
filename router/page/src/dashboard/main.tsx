import { render } from "preact";

render(<main>T3nets</main>, document.getElementById("page")!);
