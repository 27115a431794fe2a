import { render } from "preact";
import { loadMe } from "../shared/session";
import { Shell } from "../shared/shell";

void loadMe();
render(<Shell page="setup" title="Set up">{null}</Shell>, document.getElementById("page")!);
