//! What another program answers: to a bound, within a time. It may print without end, or never
//! end.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

/// The most that is kept of what a program complains, in bytes; the rest is read and dropped.
const MAX_STDERR: u64 = 64 << 10;

/// How much a program may answer, and how long that may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// In bytes.
    pub bytes: u64,
    /// From its start to its end.
    pub time: Duration,
}

/// What a program answered.
#[derive(Debug)]
pub struct Answer {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to stdout.
    pub stdout: Vec<u8>,
    /// The beginning of what it wrote to stderr, unless that is this program's own.
    pub stderr: Vec<u8>,
}

/// Why a program gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// It cannot be run.
    #[error("it cannot be run")]
    NotRun(#[source] io::Error),
    /// It was ended after its time.
    #[error("it did not answer within {} s", .0.as_secs())]
    TooSlow(Duration),
    /// It was ended, since it would not.
    #[error("it answers with more than {} KiB", .0 >> 10)]
    TooLong(u64),
}

/// Runs a program to its end on `input`. Its stderr is read, unless the command says otherwise by
/// `keeps_stderr`: a helper that asks at the terminal needs it.
///
/// # Errors
/// If it cannot be run, takes too long or writes too much; it is ended then.
pub async fn answer(
    command: &mut Command,
    input: &[u8],
    keeps_stderr: bool,
    bounds: Bounds,
) -> Result<Answer, NoAnswer> {
    command
        .stdin(match input {
            [] => Stdio::null(),
            _ => Stdio::piped(),
        })
        .stdout(Stdio::piped())
        .stderr(match keeps_stderr {
            true => Stdio::inherit(),
            false => Stdio::piped(),
        })
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(NoAnswer::NotRun)?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let run = async {
        let written = async {
            if let Some(mut stdin) = stdin {
                // One that does not read has its reasons, and says them.
                let _ = stdin.write_all(input).await;
            }
            Ok(())
        };
        let ((), stdout, stderr) = tokio::try_join!(
            written,
            whole(stdout, bounds.bytes),
            beginning(stderr, MAX_STDERR)
        )?;
        let status = child.wait().await.map_err(NoAnswer::NotRun)?;
        Ok(Answer {
            status,
            stdout,
            stderr,
        })
    };
    tokio::time::timeout(bounds.time, run)
        .await
        .unwrap_or(Err(NoAnswer::TooSlow(bounds.time)))
}

async fn whole(output: Option<impl AsyncRead + Unpin>, limit: u64) -> Result<Vec<u8>, NoAnswer> {
    let mut kept = Vec::new();
    if let Some(output) = output {
        let mut output = output.take(limit + 1);
        let read = output.read_to_end(&mut kept).await;
        read.map_err(NoAnswer::NotRun)?;
    }
    match kept.len() as u64 > limit {
        true => Err(NoAnswer::TooLong(limit)),
        false => Ok(kept),
    }
}

async fn beginning(
    output: Option<impl AsyncRead + Unpin>,
    limit: u64,
) -> Result<Vec<u8>, NoAnswer> {
    let mut kept = Vec::new();
    if let Some(mut output) = output {
        let mut start = (&mut output).take(limit);
        start
            .read_to_end(&mut kept)
            .await
            .map_err(NoAnswer::NotRun)?;
        tokio::io::copy(&mut output, &mut tokio::io::sink())
            .await
            .map_err(NoAnswer::NotRun)?;
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        bytes: 1 << 20,
        time: Duration::from_secs(60),
    };

    async fn shell(script: &str, input: &str, bounds: Bounds) -> Result<Answer, NoAnswer> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        answer(&mut command, input.as_bytes(), false, bounds).await
    }

    #[tokio::test]
    async fn an_answer_is_what_the_program_wrote() {
        let answer = shell("cat; echo no >&2; exit 3", "in", BOUNDS)
            .await
            .unwrap();
        assert_eq!(answer.stdout, b"in");
        assert_eq!(answer.stderr, b"no\n");
        assert_eq!(answer.status.code(), Some(3));
        let unread = shell("exit 0", &"x".repeat(1 << 20), BOUNDS).await.unwrap();
        assert!(unread.status.success());
        let missing = answer_of_nothing().await;
        assert!(matches!(missing, Err(NoAnswer::NotRun(_))), "{missing:?}");
    }

    async fn answer_of_nothing() -> Result<Answer, NoAnswer> {
        answer(&mut Command::new("/no/such"), b"", false, BOUNDS).await
    }

    #[tokio::test]
    async fn a_program_that_prints_without_end_is_ended() {
        let endless = shell("while :; do echo 0123456789; done", "", BOUNDS).await;
        assert!(matches!(endless, Err(NoAnswer::TooLong(_))), "{endless:?}");
        let ten_gigabytes = shell("yes | head -c 10000000000", "", BOUNDS).await;
        assert!(matches!(ten_gigabytes, Err(NoAnswer::TooLong(_))));
    }

    #[tokio::test]
    async fn what_a_program_complains_is_read_to_its_end_and_kept_to_a_bound() {
        let loud = shell("yes | head -c 3000000 >&2; echo ok", "", BOUNDS).await;
        let loud = loud.unwrap();
        assert_eq!((loud.stderr.len(), &*loud.stdout), (64 << 10, &b"ok\n"[..]));
    }

    #[tokio::test]
    async fn a_program_that_never_ends_is_ended() {
        for script in [
            "exec tail -f /dev/null",
            "exec >&-; exec 2>&-; while :; do :; done",
        ] {
            let bounds = Bounds {
                time: Duration::from_millis(50),
                ..BOUNDS
            };
            let silent = shell(script, "", bounds).await;
            assert!(matches!(silent, Err(NoAnswer::TooSlow(_))), "{silent:?}");
        }
    }
}
