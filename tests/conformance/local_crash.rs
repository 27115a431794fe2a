//! What the embedded platform acknowledged survives the end of its process at any moment.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use jiff::Timestamp;
use t3nets_router::model::{ConversationKey, Message, Role};
use t3nets_router::ports::Window;

use crate::conversations::{key_of, owner_of, turn};
use crate::fixture::{id, let_in};

const HOME: &str = "T3NETS_TEST_CRASH_HOME";
const ROUND: &str = "T3NETS_TEST_CRASH_ROUND";
const ROUNDS: usize = 10;
const WRITERS: usize = 4;

fn session() -> ConversationKey {
    key_of(&owner_of(&id("crashing")), "session")
}

#[tokio::test]
async fn every_acknowledged_turn_survives_a_kill_in_the_middle_of_writing() {
    let home = tempfile::tempdir().unwrap();
    let mut acknowledged = HashSet::new();
    for round in 0..ROUNDS {
        acknowledged.extend(write_until_killed(home.path(), round));
        let stored = read_turns(home.path()).await;
        let lost: Vec<_> = acknowledged.difference(&stored).collect();
        assert!(lost.is_empty(), "lost in round {round}: {lost:?}");
    }
    assert!(acknowledged.len() >= ROUNDS, "the writers wrote");
}

/// Runs [`write_forever`] in a process of its own, kills it after some acknowledgements, and
/// returns all it gave.
fn write_until_killed(home: &Path, round: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "local_crash::write_forever", "--ignored"])
        .arg("--nocapture")
        .env(HOME, home)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut acknowledged = Vec::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    let mut killed = false;
    while output.read_line(&mut line).unwrap() > 0 {
        // The last line may be cut off by the kill.
        let complete = line.strip_suffix('\n');
        if let Some(turn) = complete.and_then(|line| line.strip_prefix("acknowledged ")) {
            acknowledged.push(turn.to_owned());
        }
        if acknowledged.len() > round && !killed {
            child.kill().unwrap();
            killed = true;
        }
        line.clear();
    }
    assert!(!child.wait().unwrap().success(), "it ended by itself");
    acknowledged
}

/// The stored turns, each whole.
async fn read_turns(home: &Path) -> HashSet<String> {
    let everything = Window {
        messages: usize::MAX,
        bytes: usize::MAX,
    };
    let platform = t3nets_router::local::open(home).unwrap();
    let messages = platform
        .conversations
        .recent(&session(), everything, Timestamp::now())
        .await
        .unwrap();
    assert_eq!(messages.len() % 2, 0, "a turn was torn apart");
    let whole = |pair: &[Message]| {
        assert_eq!((pair[0].role, pair[1].role), (Role::User, Role::Assistant));
        assert_eq!(pair[0].content, pair[1].content);
        pair[0].content.clone()
    };
    messages.chunks(2).map(whole).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "does not end: runs as a process that another test kills"]
async fn write_forever() {
    let (Ok(home), Ok(round)) = (std::env::var(HOME), std::env::var(ROUND)) else {
        return;
    };
    let platform = t3nets_router::local::open(Path::new(&home)).unwrap();
    let_in(&platform, &session().owner).await;
    let writers = (0..WRITERS).map(|writer| {
        let (platform, round) = (platform.clone(), round.clone());
        async move {
            for n in 0.. {
                let name = format!("{round}-{writer}-{n}");
                let now = Timestamp::now();
                platform
                    .conversations
                    .append(&session(), &turn(&name, &name), now)
                    .await
                    .unwrap();
                // One write, so that the lines of two writers do not mix.
                let line = format!("acknowledged {name}\n");
                std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
            }
        }
    });
    crate::fixture::at_once(writers).await;
}
