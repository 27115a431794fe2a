//! A program that a rollout has to fail with. Its first argument says how.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::channel;
use std::time::Duration;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let behaviour = arguments.next().unwrap_or_default();
    let number = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1);
    // Nobody ever sends anything.
    let (_sender, never) = channel::<()>();
    match behaviour.as_str() {
        "exits" => {
            eprintln!("cannot read the configuration: the file is missing");
            std::process::exit(number);
        }
        "crashes-after" => {
            std::thread::spawn(serve);
            let _ = never.recv_timeout(Duration::from_secs(u64::from(number.unsigned_abs())));
            eprintln!("out of file descriptors");
            std::process::exit(101);
        }
        // It lives, and nobody gets an answer.
        _ => {
            eprintln!("waiting for a lock");
            let _ = never.recv();
        }
    }
}

/// Answers whatever is asked, as a router in good health would.
fn serve() {
    let listener = TcpListener::bind("0.0.0.0:8080").expect("the port is free");
    for mut connection in listener.incoming().flatten() {
        let _ = connection.read(&mut [0; 4096]);
        let _ = connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}");
    }
}
