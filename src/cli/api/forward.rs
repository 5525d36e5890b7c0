//! A port of this machine that leads to a service in a workspace's own network.

use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::JoinHandle;

use crate::api::target::Target;
use crate::cli::Failure;

/// Opens a port on loopback; its address, and what passes bytes on until it is aborted.
pub(super) async fn forward(target: &Target) -> Result<(String, JoinHandle<()>), Failure> {
    let Some(socket) = target.socket().map(std::path::Path::to_path_buf) else {
        return Ok((target.origin().to_owned(), tokio::spawn(std::future::pending())));
    };
    let failed = |error: std::io::Error| Failure::failed(format!("no port could be opened: {error}"));
    let inside = target.origin().rsplit(':').next().and_then(|port| port.parse::<u16>().ok()).unwrap_or(0);
    // The same port where it is free, so that addresses in the service's own answers fit.
    let listener = match TcpListener::bind(("127.0.0.1", inside)).await {
        Ok(listener) => listener,
        Err(_) => TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?,
    };
    let address = format!("http://{}", listener.local_addr().map_err(failed)?);
    let passing = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let socket = socket.clone();
            tokio::spawn(async move { pass(stream, &socket).await });
        }
    });
    Ok((address, passing))
}

async fn pass(mut outer: TcpStream, socket: &std::path::Path) -> std::io::Result<()> {
    let mut inner = UnixStream::connect(socket).await?;
    tokio::io::copy_bidirectional(&mut outer, &mut inner).await.map(drop)
}
