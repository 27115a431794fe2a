//! `t3nets deploy` at a terminal: a line for each step, and what the error says.

use rexpect::process::WaitStatus;
use rexpect::session::spawn_command;

use super::*;

/// How long a deploy may take, in milliseconds.
const PATIENCE: Option<u64> = Some(60_000);

/// Runs a deploy at a terminal to its end; its code, and what is left on the screen, line by line.
fn at_a_terminal(name: &'static str, scenario: Scenario) -> Option<(i32, Vec<String>)> {
    let (installed, script) = set(name, scenario)?;
    let mut command = installed.command(&["deploy", "--image", "here"]);
    command.envs(script.variables()).env("TERM", "xterm");
    let mut session = spawn_command(command, PATIENCE).unwrap();
    let shown = session.exp_eof().unwrap();
    let status = session.process().wait().unwrap();
    let WaitStatus::Exited(_, code) = status else {
        panic!("{status:?}: {shown}");
    };
    Some((code, on_screen(&shown)))
}

/// The lines without the colours, and without what another one took the place of.
fn on_screen(shown: &str) -> Vec<String> {
    // rexpect makes a character of each byte.
    let bytes: Vec<u8> = shown
        .chars()
        .map(|c| u8::try_from(c).unwrap_or(b'?'))
        .collect();
    let shown = String::from_utf8_lossy(&bytes);
    let escapes = regex::Regex::new("\\x1b\\[[0-9;?]*[A-Za-z]").unwrap();
    let lines = shown.split("\r\n").map(|line| {
        let last = line.rsplit_once('\r').map_or(line, |(_, last)| last);
        let erased = last.rsplit_once("\x1b[2K").map_or(last, |(_, rest)| rest);
        escapes.replace_all(erased, "").trim_end().to_owned()
    });
    lines.filter(|line| !line.is_empty()).collect()
}

/// A line of this step, with this in it, whose time is at the right.
fn has_step(lines: &[String], mark: &str, step: &str, part: &str) -> bool {
    lines.iter().any(|line| {
        line.starts_with(&format!("  {mark} {step:<9} "))
            && line.contains(part)
            && line.ends_with('s')
    })
}

#[test]
fn at_a_terminal_each_step_is_a_line_with_a_tick_and_its_time() {
    let unknown = "does what no page tells of";
    let known = "has begun draining connections on 1 tasks.";
    let coming = coming().event(OURS, known).event(OURS, unknown);
    let scenario = Scenario::default().then([coming, up('a')]);
    let Some((code, lines)) = at_a_terminal("ticks", scenario) else {
        return;
    };
    assert_eq!(code, 0, "{lines:#?}");
    for (step, part) in [
        ("Image", "t3nets-ticks-router@sha256:"),
        ("Update", "t3nets-ticks-router:8 (image changed)"),
        ("Rollout", "1 of 1 tasks running"),
    ] {
        assert!(has_step(&lines, "✓", step, part), "{step}: {lines:#?}");
    }
    let has = |text: &str| lines.iter().any(|line| line.contains(text));
    assert!(has(unknown) && !has(known), "{lines:#?}");
    let steps = lines.iter().filter(|line| line.starts_with("  ✓ "));
    let widths: Vec<usize> = steps.map(|line| line.chars().count()).collect();
    assert!(widths.iter().all(|width| *width == widths[0]), "{lines:#?}");
}

#[test]
fn at_a_terminal_a_failure_is_a_cross_its_lines_and_a_command_to_see_more() {
    let crashed = || ['a', 'b'].map(|one| OURS.task(one).exited(7));
    let failing = Look::at([OURS.going(), BEFORE.completed().active()]).tasks(crashed());
    let scenario = ['a', 'b']
        .into_iter()
        .fold(Scenario::default(), |scenario, letter| {
            scenario.log(&OURS.task(letter), ["cannot read the configuration"])
        });
    let scenario = scenario.then([coming(), failing]).then(going_back());
    let Some((code, lines)) = at_a_terminal("crosses", scenario) else {
        return;
    };
    assert_eq!(code, 5, "{lines:#?}");
    let cause = "`router` exited with code 7 (2 tasks)";
    assert!(has_step(&lines, "✗", "Rollout", cause), "{lines:#?}");
    let back = "t3nets-crosses-router:7 is running again";
    assert!(has_step(&lines, "✓", "Rollback", back), "{lines:#?}");
    let text = lines.join("\n");
    for part in [
        "last log lines of task ",
        "    cannot read the configuration",
        "t3nets logs --task ",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // Each thing is said once.
    assert_eq!(
        text.matches("cannot read the configuration").count(),
        1,
        "{text}"
    );
}
