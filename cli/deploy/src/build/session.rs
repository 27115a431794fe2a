//! The session of a build with BuildKit, over which it asks for what the build may use: who one is
//! to a registry, secrets, signatures for SSH. Each is looked up when it is asked for, and only
//! then: a helper is not run for a registry that no step needs.
//!
//! A session is a connection to the engine on which this side answers, by gRPC.
//! <https://github.com/moby/buildkit/tree/master/session>
//!
//! bollard opens one for each build too, with credentials alone, which it wants for every registry
//! beforehand. The build is told to use this one.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bollard::grpc::build::health::health_server::{Health, HealthServer};
use bollard::grpc::build::health::{
    HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse,
    health_check_response::ServingStatus,
};
use bollard::grpc::build::moby::buildkit::secrets::v1::secrets_server::{Secrets, SecretsServer};
use bollard::grpc::build::moby::buildkit::secrets::v1::{GetSecretRequest, GetSecretResponse};
use bollard::grpc::build::moby::filesync::v1::auth_server::{Auth, AuthServer};
use bollard::grpc::build::moby::filesync::v1::{
    CredentialsRequest, CredentialsResponse, FetchTokenRequest, FetchTokenResponse,
    GetTokenAuthorityRequest, GetTokenAuthorityResponse, VerifyTokenAuthorityRequest,
    VerifyTokenAuthorityResponse,
};
use bollard::grpc::build::moby::sshforward::v1::ssh_server::{Ssh, SshServer};
use bollard::grpc::build::moby::sshforward::v1::{
    BytesMessage, CheckAgentRequest, CheckAgentResponse,
};
use data_encoding::HEXLOWER;
use futures::stream::{self, BoxStream, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::UnixStream;
use tokio_util::task::AbortOnDropHandle;
use tonic::transport::Server;
use tonic::transport::server::Connected;
use tonic::{Request, Response, Status, Streaming};

use super::connection::{EngineStream, connect};
use super::secrets::SecretError;
use super::{BuildError, BuildRequest};
use crate::docker_config::DockerConfig;
use crate::docker_config::context::EngineAddress;
use crate::docker_config::credentials::Credentials;

/// What this side answers, as BuildKit names it.
const METHODS: [&str; 4] = [
    "/moby.filesync.v1.Auth/Credentials",
    "/moby.buildkit.secrets.v1.Secrets/GetSecret",
    "/moby.sshforward.v1.SSH/CheckAgent",
    "/moby.sshforward.v1.SSH/ForwardAgent",
];

/// How much of an agent's answer is sent at once, in bytes.
const CHUNK: usize = 16 << 10;

/// A session that is open until it is dropped.
pub(super) struct Session {
    /// Its name, which no other build has.
    pub(super) id: String,
    _server: AbortOnDropHandle<()>,
}

/// Work in the background that ends with what it is for.
#[expect(
    clippy::disallowed_methods,
    reason = "the handle is kept, and aborted when it is dropped"
)]
fn background(work: impl Future<Output = ()> + Send + 'static) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(work))
}

/// What a build may ask for.
struct Provided {
    config: DockerConfig,
    secrets: HashMap<String, Vec<u8>>,
    agents: HashMap<String, PathBuf>,
}

impl Session {
    /// Opens one for a build.
    ///
    /// # Errors
    /// If a secret or an agent is not there, or the engine takes no session.
    pub(super) async fn open(
        engine: &EngineAddress,
        config: DockerConfig,
        request: &BuildRequest,
    ) -> Result<Self, BuildError> {
        let secrets = request.secrets.iter();
        let secrets = secrets.map(|one| Ok((one.id.clone(), one.value()?)));
        let agents = request.ssh.iter();
        let agents = agents.map(|one| Ok((one.id.clone(), one.socket()?)));
        let provided = Arc::new(Provided {
            config,
            secrets: secrets.collect::<Result<_, SecretError>>()?,
            agents: agents.collect::<Result<_, SecretError>>()?,
        });
        let id = random_id()?;
        let stream = upgraded(engine, &id).await;
        let stream = stream.map_err(BuildError::NoSession)?;
        let server = Server::builder()
            .add_service(HealthServer::new(Alive))
            .add_service(AuthServer::from_arc(Arc::clone(&provided)))
            .add_service(SecretsServer::from_arc(Arc::clone(&provided)))
            .add_service(SshServer::from_arc(provided));
        let connections = stream::once(async { Ok::<_, io::Error>(Wire(stream)) });
        let connections = connections.chain(stream::pending());
        let server = background(async move {
            // The engine closes the connection when it is done, and that is no failure.
            let _ = server
                .serve_with_incoming_shutdown(connections, std::future::pending())
                .await;
        });
        Ok(Self {
            id,
            _server: server,
        })
    }
}

/// A name that no other session has.
pub(super) fn random_id() -> Result<String, BuildError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(HEXLOWER.encode(&bytes))
}

/// A connection on which the engine asks from now on.
/// <https://docs.docker.com/reference/api/engine/version/v1.51/#tag/Session>
async fn upgraded(engine: &EngineAddress, id: &str) -> io::Result<EngineStream> {
    let mut stream = connect(engine).await?;
    let methods =
        METHODS.map(|method| format!("X-Docker-Expose-Session-Grpc-Method: {method}\r\n"));
    let request = format!(
        "POST /session HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\
         Content-Length: 0\r\nX-Docker-Expose-Session-Uuid: {id}\r\n\
         X-Docker-Expose-Session-Name: t3nets\r\n{}\r\n",
        methods.concat()
    );
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    // What follows the head is the engine's first frame.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < CHUNK {
        head.push(stream.read_u8().await?);
    }
    match head.starts_with(b"HTTP/1.1 101") {
        true => Ok(stream),
        false => {
            let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
            Err(io::Error::other(String::from_utf8_lossy(line).into_owned()))
        }
    }
}

#[tonic::async_trait]
impl Auth for Provided {
    async fn credentials(
        &self,
        request: Request<CredentialsRequest>,
    ) -> Result<Response<CredentialsResponse>, Status> {
        let found = self.config.credentials(&request.get_ref().host).await;
        let found = found.map_err(|error| Status::unknown(error.to_string()))?;
        Ok(Response::new(match found {
            None => CredentialsResponse::default(),
            Some(Credentials::Password { username, password }) => CredentialsResponse {
                username,
                secret: password,
            },
            Some(Credentials::Token(secret)) => CredentialsResponse {
                username: String::new(),
                secret,
            },
        }))
    }

    // BuildKit asks registries for tokens itself where this side does not.
    async fn fetch_token(
        &self,
        _: Request<FetchTokenRequest>,
    ) -> Result<Response<FetchTokenResponse>, Status> {
        Err(Status::unimplemented("tokens are fetched by the engine"))
    }

    async fn get_token_authority(
        &self,
        _: Request<GetTokenAuthorityRequest>,
    ) -> Result<Response<GetTokenAuthorityResponse>, Status> {
        Err(Status::unavailable("tokens are fetched by the engine"))
    }

    async fn verify_token_authority(
        &self,
        _: Request<VerifyTokenAuthorityRequest>,
    ) -> Result<Response<VerifyTokenAuthorityResponse>, Status> {
        Err(Status::unavailable("tokens are fetched by the engine"))
    }
}

#[tonic::async_trait]
impl Secrets for Provided {
    async fn get_secret(
        &self,
        request: Request<GetSecretRequest>,
    ) -> Result<Response<GetSecretResponse>, Status> {
        let id = &request.get_ref().id;
        let found = self.secrets.get(id).cloned();
        let data = found.ok_or_else(|| Status::not_found(format!("secret {id} not found")))?;
        Ok(Response::new(GetSecretResponse { data }))
    }
}

impl Provided {
    fn agent(&self, id: &str) -> Result<&PathBuf, Status> {
        let id = if id.is_empty() { "default" } else { id };
        let found = self.agents.get(id);
        found.ok_or_else(|| Status::not_found(format!("unset ssh forward key {id}")))
    }
}

#[tonic::async_trait]
impl Ssh for Provided {
    async fn check_agent(
        &self,
        request: Request<CheckAgentRequest>,
    ) -> Result<Response<CheckAgentResponse>, Status> {
        self.agent(&request.get_ref().id)?;
        Ok(Response::new(CheckAgentResponse {}))
    }

    type ForwardAgentStream = BoxStream<'static, Result<BytesMessage, Status>>;

    async fn forward_agent(
        &self,
        request: Request<Streaming<BytesMessage>>,
    ) -> Result<Response<Self::ForwardAgentStream>, Status> {
        let id = request.metadata().get("buildkit.ssh.id");
        let id = id.and_then(|id| id.to_str().ok()).unwrap_or_default();
        let agent = UnixStream::connect(self.agent(id)?).await?;
        let (from_agent, mut to_agent) = agent.into_split();
        let mut asked = request.into_inner();
        let asking = background(async move {
            // Either end may go away at any time, and the other then notices.
            while let Ok(Some(BytesMessage { data })) = asked.message().await {
                if to_agent.write_all(&data).await.is_err() {
                    return;
                }
            }
        });
        let answers = stream::unfold((from_agent, asking), async |(mut agent, asking)| {
            let mut data = vec![0; CHUNK];
            match agent.read(&mut data).await {
                Ok(0) => None,
                Ok(count) => {
                    data.truncate(count);
                    Some((Ok(BytesMessage { data }), (agent, asking)))
                }
                Err(error) => Some((Err(Status::from(error)), (agent, asking))),
            }
        });
        Ok(Response::new(answers.boxed()))
    }
}

/// BuildKit ends a session that does not say every few seconds that it is alive.
struct Alive;

#[tonic::async_trait]
impl Health for Alive {
    async fn check(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        Ok(Response::new(HealthCheckResponse {
            status: ServingStatus::Serving.into(),
        }))
    }

    async fn list(
        &self,
        _: Request<HealthListRequest>,
    ) -> Result<Response<HealthListResponse>, Status> {
        Err(Status::unimplemented("only the whole can be asked about"))
    }

    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn watch(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("it can only be asked"))
    }
}

/// The connection, as tonic takes one.
struct Wire(EngineStream);

impl Connected for Wire {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
