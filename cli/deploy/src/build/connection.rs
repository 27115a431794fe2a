//! Connections to the engine that are not bollard's: a session's.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use t3nets_router::files::{USUAL_LIMIT, read};

use crate::docker_config::context::{EngineAddress, TlsFiles};

/// Both ways at once.
pub(super) trait ReadWrite: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> ReadWrite for S {}

/// A connection to the engine.
pub(super) type EngineStream = Box<dyn ReadWrite>;

/// Connects to an engine.
pub(super) async fn connect(engine: &EngineAddress) -> io::Result<EngineStream> {
    if let Some(socket) = engine.socket() {
        return Ok(Box::new(UnixStream::connect(socket).await?));
    }
    let unsupported = || io::Error::new(io::ErrorKind::Unsupported, engine.host.clone());
    let authority = engine.authority().ok_or_else(unsupported)?;
    let stream = TcpStream::connect(&authority).await?;
    let Some(files) = &engine.tls else {
        return Ok(Box::new(stream));
    };
    let host = authority
        .rsplit_once(':')
        .map_or(&*authority, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let connector = TlsConnector::from(Arc::new(client(files)?));
    Ok(Box::new(connector.connect(name, stream).await?))
}

fn client(files: &TlsFiles) -> io::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates(&files.ca)?);
    let key = read(&files.key, USUAL_LIMIT)?;
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(io::Error::other)?;
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_client_auth_cert(certificates(&files.cert)?, key)
        .map_err(io::Error::other)
}

fn certificates(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(&read(path, USUAL_LIMIT)?)
        .collect::<Result<_, _>>()
        .map_err(io::Error::other)
}
