import { render } from "preact";
import { loadMe } from "../shared/session";
import { Shell } from "../shared/shell";

void loadMe();
render(<Shell page="dashboard" title="Dashboard">{null}</Shell>, document.getElementById("page")!);
