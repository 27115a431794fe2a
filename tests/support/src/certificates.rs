//! Certificates of an authority that nobody else trusts, for tests of what is trusted.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::skip_without;

/// An authority with one certificate, which is for this machine and for clients.
pub struct Certificates {
    folder: tempfile::TempDir,
}

impl Certificates {
    /// Makes them; `None` if the test should return.
    pub fn new() -> Option<Self> {
        if skip_without("openssl") {
            return None;
        }
        let certificates = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        let new_key = ["-newkey", "rsa:2048", "-nodes", "-days", "2"];
        let authority = [
            "-keyout",
            "ca-key.pem",
            "-out",
            "ca.pem",
            "-subj",
            "/CN=authority",
        ];
        certificates.openssl(&[&["req", "-x509"][..], &new_key, &authority].concat());
        let request = [
            "-keyout",
            "key.pem",
            "-out",
            "request.pem",
            "-subj",
            "/CN=localhost",
        ];
        certificates.openssl(&[&["req"][..], &new_key[..3], &request].concat());
        let names =
            "subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n";
        std::fs::write(certificates.path("names"), names).expect("it can be written");
        certificates.openssl(&[
            "x509",
            "-req",
            "-days",
            "2",
            "-in",
            "request.pem",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca-key.pem",
            "-CAcreateserial",
            "-extfile",
            "names",
            "-out",
            "cert.pem",
        ]);
        Some(certificates)
    }

    fn openssl(&self, arguments: &[&str]) {
        let ended = Command::new("openssl")
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .expect("openssl can be run");
        assert!(ended.status.success(), "{ended:?}");
    }

    /// A file: `ca.pem`, `cert.pem`, `key.pem`, as Docker names them.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder with them.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}
