//! HTTPS before a server that speaks plain HTTP, for programs that take nothing else.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// An address that speaks HTTPS. Dropping it cuts every connection.
pub struct HttpsFront {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl HttpsFront {
    /// Before the server at `upstream` (`http://127.0.0.1:PORT`), on a free port of `address`, with
    /// a certificate and its key from PEM files.
    #[expect(
        clippy::disallowed_methods,
        reason = "the handle is kept, and aborted on drop"
    )]
    pub async fn start(upstream: &str, address: IpAddr, certificate: &Path, key: &Path) -> Self {
        let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
            .expect("the certificate can be read")
            .map(|one| one.expect("it is PEM"))
            .collect();
        let key = PrivateKeyDer::from_pem_file(key).expect("the key can be read");
        let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider knows TLS")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("the key is the certificate's");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((address, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener");
        let upstream = upstream.trim_start_matches("http://").to_owned();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, upstream) = (acceptor.clone(), upstream.clone());
                connections.spawn(async move {
                    // Who does not trust the certificate hangs up: that is theirs to tell.
                    let mut secure = acceptor.accept(stream).await?;
                    let mut plain = TcpStream::connect(upstream).await?;
                    copy_bidirectional(&mut secure, &mut plain).await
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, task }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for HttpsFront {
    fn drop(&mut self) {
        self.task.abort();
    }
}
