//! One-time links to the web page: `t3nets tenant invite` and `t3nets open`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::dev::{Dev, stored};
use crate::sandbox::{Finished, Sandbox, finish};

/// A request, and the whole response.
fn exchange(host: &str, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(host).unwrap();
    let length = body.len();
    let request = format!(
        "{head}\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

fn host_of(url: &str) -> &str {
    let rest = url.strip_prefix("http://").unwrap();
    rest.split('/').next().unwrap()
}

/// What a link of this router's holds.
fn token_of<'a>(link: &'a str, dev: &Dev) -> &'a str {
    let token = link.strip_prefix(dev.url());
    token
        .and_then(|rest| rest.strip_prefix("#link="))
        .unwrap_or_else(|| panic!("{link} is no link of {}", dev.url()))
}

fn signs_in(link: &str, dev: &Dev) -> String {
    let body = json!({"link": token_of(link, dev)}).to_string();
    exchange(host_of(dev.url()), "POST /session HTTP/1.1", &body)
}

fn admin_of(sandbox: &Sandbox) -> String {
    let users = sandbox.run(&["tenant", "users", "--json"]).expect_code(0);
    let users: Value = users.json();
    users["users"][0]["user_id"].as_str().unwrap().to_owned()
}

#[test]
fn an_invited_user_is_signed_in_once_by_the_link() {
    let sandbox = Sandbox::new();
    let dev = Dev::start(&sandbox, &[]);
    let user = admin_of(&sandbox);
    let ran = sandbox.run(&["tenant", "invite", &user]).expect_code(0);
    let link = ran.stdout.trim_end();
    assert!(!link.contains(char::is_whitespace), "{ran:?}");
    assert!(ran.stderr.contains("works once, until "), "{ran:?}");
    assert!(!ran.stderr.contains(token_of(link, &dev)), "{ran:?}");
    let signed_in = signs_in(link, &dev);
    assert!(signed_in.starts_with("HTTP/1.1 201 "), "{signed_in}");
    assert!(signed_in.contains(&user), "{signed_in}");
    let again = signs_in(link, &dev);
    assert!(again.starts_with("HTTP/1.1 401 "), "{again}");

    let week = ["tenant", "invite", &user, "--expires", "7d", "--json"];
    let invited = sandbox.run(&week).expect_code(0).json();
    assert_eq!(invited["user_id"], user.as_str());
    assert!(invited["expires_at"].is_string(), "{invited}");
    let keys = sandbox.run(&["key", "list", "--json"]).expect_code(0);
    let keys = keys.json();
    let prefix = invited["prefix"].as_str().unwrap();
    let listed = keys["keys"].as_array().unwrap().iter();
    let listed: Vec<_> = listed.filter(|key| key["prefix"] == prefix).collect();
    assert_eq!(listed[0]["kind"], "link");
    let revoke = ["key", "revoke", prefix, "--yes"];
    sandbox.run(&revoke).expect_code(0);
    let revoked = signs_in(invited["link"].as_str().unwrap(), &dev);
    assert!(revoked.starts_with("HTTP/1.1 401 "), "{revoked}");
}

#[test]
fn an_invitation_that_cannot_work_is_refused_and_nothing_is_made() {
    let sandbox = Sandbox::new();
    let user = "ada@example.com";
    let add = [
        "tenant", "add-user", "--email", user, "--name", "Ada", "--role", "admin",
    ];
    sandbox.run(&["tenant", "add", "default"]).expect_code(0);
    sandbox.run(&add).expect_code(0);
    let url = ["--url", "https://t3nets.example"];
    let invite = |more: &[&str]| sandbox.run(&[&["tenant", "invite"][..], more].concat());
    // No router runs, so nobody knows where the page is.
    let nowhere = invite(&[user]).expect_code(3);
    assert!(
        nowhere.stderr.contains("no router is running"),
        "{nowhere:?}"
    );
    for (more, code) in [
        (&[user, "--expires", "8d"][..], 2),
        (&[user, "--expires", "0s"], 2),
        (&["eve@example.com"], 1),
    ] {
        let refused = invite(&[more, &url].concat()).expect_code(code);
        assert_eq!(refused.stdout, "", "{refused:?}");
    }
    invite(&[user, "--url", "ftp://t3nets.example"]).expect_code(2);
    let keys = sandbox.run(&["key", "list", "--json"]).expect_code(0);
    assert_eq!(keys.json(), json!({"keys": []}));

    let made = invite(&[&[user], &url[..]].concat()).expect_code(0);
    let begin = "https://t3nets.example/#link=t3i_";
    assert!(made.stdout.starts_with(begin), "{made:?}");
    let readable = invite(&[user, "--url", "http://192.0.2.1:8080"]).expect_code(0);
    assert!(readable.stderr.contains("is not encrypted"), "{readable:?}");
}

fn open(sandbox: &Sandbox, browser: Option<&str>, more: &[&str]) -> Command {
    let mut command = sandbox.command(&[&["open"][..], more].concat());
    if let Some(script) = browser {
        let path = sandbox.work().join("browser");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        command.env("BROWSER", path);
    }
    command
}

#[test]
fn open_prints_the_link_where_no_browser_can_be_opened() {
    let sandbox = Sandbox::new();
    let dev = Dev::start(&sandbox, &[]);
    let argument = sandbox.work().join("argument");
    let failing = format!("printf %s \"$1\" > {}; exit 1", argument.display());
    for (browser, more) in [
        (None, &[][..]),
        (Some("echo started > started"), &["--print"][..]),
        (Some(&*failing), &[]),
    ] {
        let ran = finish(&mut open(&sandbox, browser, more)).expect_code(0);
        let signed_in = signs_in(ran.stdout.trim_end(), &dev);
        assert!(
            signed_in.starts_with("HTTP/1.1 201 "),
            "{ran:?} {signed_in}"
        );
        assert!(ran.stderr.contains("works once"), "{ran:?}");
    }
    assert!(!sandbox.work().join("started").exists());
    // Everyone on the machine can read the arguments of a program.
    let argument = std::fs::read_to_string(argument).unwrap();
    assert!(argument.starts_with("http://127.0.0.1:"), "{argument}");
    assert!(!argument.contains("t3i_"), "{argument}");
}

#[test]
fn open_leads_the_browser_to_the_page_signed_in() {
    let sandbox = Sandbox::new();
    let dev = Dev::start(&sandbox, &[]);
    let pipe = sandbox.work().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let browser = format!("printf %s \"$1\" > {}", pipe.display());
    let child = open(&sandbox, Some(&browser), &[])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let address = std::fs::read_to_string(&pipe).unwrap();
    let host = host_of(&address);
    let path = address.split_once(host).unwrap().1;
    let led = exchange(host, &format!("GET {path} HTTP/1.1"), "");
    assert!(led.starts_with("HTTP/1.1 303 "), "{led}");
    let link = led.lines().find_map(|line| line.strip_prefix("Location: "));
    let signed_in = signs_in(link.unwrap(), &dev);
    assert!(signed_in.starts_with("HTTP/1.1 201 "), "{signed_in}");

    let ran = Finished::from(child.wait_with_output().unwrap()).expect_code(0);
    let opened = format!("opened {} as user `{}`", dev.url(), admin_of(&sandbox));
    assert!(ran.stdout.starts_with(&opened), "{ran:?}");
    assert!(!ran.stdout.contains("t3i_") && !ran.stderr.contains("t3i_"));
    let links = stored(&sandbox, async |platform| {
        let request = t3nets_router::ports::PageRequest::first(100);
        let tenant = "default".parse().unwrap();
        let keys = platform.tenants.keys(&tenant, request).await;
        let keys = keys.unwrap().items;
        keys.iter()
            .filter(|key| key.prefix.starts_with("t3i_"))
            .count()
    });
    assert_eq!(links, 0);
}
