import { render } from "preact";
import { loadMe } from "../shared/session";
import { Shell } from "../shared/shell";

void loadMe();
render(<Shell page="chat" title="New chat">{null}</Shell>, document.getElementById("page")!);
