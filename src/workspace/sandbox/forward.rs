//! A way from a socket of the program to a port of the task's own network.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};

use super::namespaces::join_network;
use super::{Failure, Forward, Report, failed, send};

/// Listens on the socket, says so, and connects until the program closes its side.
pub(super) fn forward(request: &Forward, stream: &mut UnixStream) -> Result<(), Failure> {
    let what = || format!("cannot listen on {}", request.socket.display());
    // Before the namespaces are entered: the socket belongs to the machine.
    let listener = UnixListener::bind(&request.socket).map_err(failed(what()))?;
    join_network(request.holder)?;
    let port = request.port;
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            std::thread::spawn(move || connect(client, port));
        }
    });
    send(stream, &Report::Ready).map_err(failed("cannot report"))?;
    let _ = io::Read::read(stream, &mut [0]);
    Ok(())
}

/// Carries bytes both ways until both sides have said their last. A port nobody listens on closes the client's side.
fn connect(client: UnixStream, port: u16) {
    let addresses = [SocketAddr::from((Ipv4Addr::LOCALHOST, port)), SocketAddr::from((Ipv6Addr::LOCALHOST, port))];
    let Ok(server) = TcpStream::connect(addresses.as_slice()) else { return };
    let _ = server.set_nodelay(true);
    let (Ok(mut from_server), Ok(mut to_client)) = (server.try_clone(), client.try_clone()) else { return };
    let answers = std::thread::spawn(move || {
        let _ = io::copy(&mut from_server, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Write);
    });
    let (mut from_client, mut to_server) = (client, server);
    let _ = io::copy(&mut from_client, &mut to_server);
    let _ = to_server.shutdown(Shutdown::Write);
    let _ = answers.join();
}
