//! A program that a rollout has to fail with. Its first argument says how.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let behaviour = arguments.next().unwrap_or_default();
    let number = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1);
    match behaviour.as_str() {
        "exits" => {
            eprintln!("cannot read the configuration: the file is missing");
            std::process::exit(number);
        }
        "crashes-after" => {
            serve(Duration::from_secs(u64::from(number.unsigned_abs())));
            eprintln!("out of file descriptors");
            std::process::exit(101);
        }
        // It lives, and nobody gets an answer.
        _ => {
            eprintln!("waiting for a lock");
            std::thread::sleep(Duration::from_secs(3600));
        }
    }
}

/// Answers whatever is asked, as a router in good health would.
fn serve(time: Duration) {
    let listener = TcpListener::bind("0.0.0.0:8080").expect("the port is free");
    listener.set_nonblocking(true).expect("it can be asked without waiting");
    let until = Instant::now() + time;
    while Instant::now() < until {
        let Ok((mut connection, _)) = listener.accept() else {
            std::thread::sleep(Duration::from_millis(10));
            continue;
        };
        let _ = connection.set_nonblocking(false);
        let _ = connection.read(&mut [0; 4096]);
        let _ = connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}");
    }
}
