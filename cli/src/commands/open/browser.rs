//! Opening a link in the person's browser.
//!
//! A program's arguments can be read by everyone on a machine, so the link is not among them. What
//! the browser is given is an address of this machine that redirects to the link, once; on Linux
//! only for a program of the same user.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::process::Stdio;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use secrecy::{ExposeSecret, SecretString};
use t3nets_router::files::{self, USUAL_LIMIT};
use t3nets_router::token::random_token;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

/// How long a browser may take to start and ask for the link.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a request's head may take, and how long it may be in bytes.
const HEAD_TIME: Duration = Duration::from_secs(5);
const MAX_HEAD: u64 = 16 << 10;

/// A program that opens addresses.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Browser(OsString);

impl Browser {
    /// What `BROWSER` names, else the system's own, where there is a screen for it.
    pub(crate) fn find(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        if let Some(named) = set("BROWSER") {
            let first = named.split(':').next().unwrap_or_default().trim();
            let is_program = !first.is_empty() && !first.contains([' ', '%']);
            if is_program {
                return Some(Self(first.into()));
            }
        }
        if set("SSH_CONNECTION").is_some() {
            return None;
        }
        if cfg!(target_os = "macos") {
            return Some(Self("open".into()));
        }
        set("WAYLAND_DISPLAY").or_else(|| set("DISPLAY"))?;
        Some(Self("xdg-open".into()))
    }

    /// Opens the link; whether the browser asked for it.
    pub(crate) async fn open(&self, link: &SecretString) -> bool {
        let served = tokio::time::timeout(PATIENCE, self.open_by_redirect(link)).await;
        served.is_ok_and(|served| served.is_some())
    }

    async fn open_by_redirect(&self, link: &SecretString) -> Option<()> {
        let redirect = Redirect::listen(link.clone()).await?;
        let mut child = Command::new(&self.0)
            .arg(redirect.address())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A browser that this starts goes on after the command.
            .process_group(0)
            .spawn()
            .ok()?;
        let failed = async {
            match child.wait().await {
                Ok(status) if status.success() => std::future::pending().await,
                _ => (),
            }
        };
        tokio::select! {
            () = redirect.serve() => Some(()),
            () = failed => None,
        }
    }
}

/// An address of this machine that redirects to a link, once.
struct Redirect {
    listener: TcpListener,
    ours: SocketAddr,
    path: String,
    link: SecretString,
}

impl Redirect {
    async fn listen(link: SecretString) -> Option<Self> {
        let any = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
        let listener = TcpListener::bind(any).await.ok()?;
        Some(Self {
            ours: listener.local_addr().ok()?,
            listener,
            path: random_token("/").ok()?,
            link,
        })
    }

    fn address(&self) -> String {
        format!("http://{}{}", self.ours, self.path)
    }

    /// Answers until the browser has asked for the link. Browsers open connections ahead of need,
    /// so several are served at once.
    async fn serve(&self) {
        let mut requests = FuturesUnordered::new();
        loop {
            tokio::select! {
                Ok((stream, peer)) = self.listener.accept() => {
                    requests.push(tokio::time::timeout(HEAD_TIME, self.answer(stream, peer)));
                }
                Some(served) = requests.next() => {
                    if matches!(served, Ok(Some(()))) {
                        return;
                    }
                }
            }
        }
    }

    async fn answer(&self, mut stream: TcpStream, peer: SocketAddr) -> Option<()> {
        let mut head = Vec::new();
        let (reader, mut writer) = stream.split();
        let mut reader = reader.take(MAX_HEAD);
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            if reader.read_buf(&mut head).await.ok()? == 0 {
                return None;
            }
        }
        let wanted = format!("GET {} HTTP/1.", self.path);
        let is_allowed = head.starts_with(wanted.as_bytes()) && is_same_user(peer, self.ours);
        let status = match is_allowed {
            true => format!("303 See Other\r\nLocation: {}", self.link.expose_secret()),
            false => "404 Not Found".to_owned(),
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n\
             Content-Length: 0\r\nConnection: close\r\n\r\n"
        );
        writer.write_all(answer.as_bytes()).await.ok()?;
        writer.shutdown().await.ok()?;
        is_allowed.then_some(())
    }
}

/// Whether a connection from this machine is one of the same user's, where the system says whose
/// it is.
/// <https://docs.kernel.org/networking/proc_net_tcp.html>
fn is_same_user(peer: SocketAddr, ours: SocketAddr) -> bool {
    if !cfg!(target_os = "linux") {
        return true;
    }
    let table = files::read_text("/proc/net/tcp".as_ref(), USUAL_LIMIT);
    let owner = table.ok().and_then(|table| owner_of(&table, peer, ours));
    owner == Some(rustix::process::getuid().as_raw())
}

fn owner_of(table: &str, from: SocketAddr, to: SocketAddr) -> Option<u32> {
    let shown = |address: SocketAddr| match address {
        SocketAddr::V4(address) => {
            let ip = u32::from_ne_bytes(address.ip().octets());
            Some(format!("{ip:08X}:{:04X}", address.port()))
        }
        SocketAddr::V6(_) => None,
    };
    let (from, to) = (shown(from)?, shown(to)?);
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        match fields[..] {
            [_, local, remote, _, _, _, _, owner, ..] if local == from && remote == to => {
                owner.parse().ok()
            }
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(variables: &[(&str, &str)]) -> Option<String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let browser = Browser::find(variable)?;
        Some(browser.0.to_string_lossy().into_owned())
    }

    #[test]
    fn a_browser_is_what_is_named_or_what_the_system_has_where_there_is_a_screen() {
        let named = [("BROWSER", "firefox:lynx"), ("SSH_CONNECTION", "a")];
        assert_eq!(found(&named).as_deref(), Some("firefox"));
        let remote = [("DISPLAY", ":0"), ("SSH_CONNECTION", "a")];
        assert_eq!(found(&remote), None);
        if cfg!(target_os = "linux") {
            assert_eq!(found(&[]), None);
            assert_eq!(found(&[("DISPLAY", "")]), None);
            assert_eq!(found(&[("DISPLAY", ":0")]).as_deref(), Some("xdg-open"));
            let odd = [("BROWSER", "x %s"), ("WAYLAND_DISPLAY", "wayland-0")];
            assert_eq!(found(&odd).as_deref(), Some("xdg-open"));
        }
    }

    #[test]
    fn whose_a_connection_is_is_read_from_the_systems_table() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
             0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1\n   \
             1: 0100007F:D431 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 2 1\n";
        let of = |from: &str| {
            owner_of(
                table,
                from.parse().unwrap(),
                "127.0.0.1:8080".parse().unwrap(),
            )
        };
        if cfg!(target_endian = "little") {
            assert_eq!(of("127.0.0.1:54321"), Some(1000));
        }
        assert_eq!(of("127.0.0.1:54322"), None);
    }

    async fn asked_for(at: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(at).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {at}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn the_link_is_given_once_and_only_to_who_knows_the_path() {
        let link = SecretString::from("http://127.0.0.1:1/#link=t3i_x");
        let redirect = Redirect::listen(link).await.unwrap();
        let _idle = TcpStream::connect(redirect.ours).await.unwrap();
        let visits = async {
            let other = asked_for(redirect.ours, "/").await;
            assert!(other.starts_with("HTTP/1.1 404 "), "{other}");
            asked_for(redirect.ours, &redirect.path).await
        };
        let ((), answer) = tokio::join!(redirect.serve(), visits);
        assert!(answer.starts_with("HTTP/1.1 303 "), "{answer}");
        assert!(answer.contains("\r\nLocation: http://127.0.0.1:1/#link=t3i_x\r\n"));
    }
}
