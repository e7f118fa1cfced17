//! A TCP proxy in front of the PostgreSQL server of the tests, which stops forwarding on demand, and its protocol.

use std::io::{Read, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

use super::TestDatabase;

/// The version fields of the packets that ask for encryption (PostgreSQL, "Message Formats").
const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;

/// A proxy for one database. Its connections stay open when it stops forwarding, as those of a frozen server do.
pub struct PostgresProxy {
    /// The URL of the database through the proxy.
    pub url: String,
    gate: Arc<Gate>,
}

/// Connections are numbered; those below `stopped` forward nothing.
#[derive(Default)]
struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Default)]
struct GateState {
    accepted: usize,
    stopped: usize,
}

impl PostgresProxy {
    /// Starts it; `None` on SQLite.
    pub fn start(database: &TestDatabase) -> Option<Self> {
        Self::start_at(database, SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    /// Starts it at this address; `None` on SQLite.
    pub fn start_at(database: &TestDatabase, address: SocketAddr) -> Option<Self> {
        let server = postgres_address(database)?;
        let listener = TcpListener::bind(address).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let url = database.url.replacen(&server.to_string(), &address.to_string(), 1);
        let gate = Arc::new(Gate::default());
        let accepting = Arc::clone(&gate);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let number = accepting.accept();
                let Ok(upstream) = TcpStream::connect(server) else { continue };
                forward(&client, &upstream, &accepting, number);
                forward(&upstream, &client, &accepting, number);
            }
        });
        Some(Self { url, gate })
    }

    /// Stops forwarding on all connections, also on later ones.
    pub fn freeze(&self) {
        self.gate.stop_below(|_| usize::MAX);
    }

    /// Stops forwarding on the connections that are open now.
    pub fn freeze_established(&self) {
        self.gate.stop_below(|accepted| accepted);
    }

    /// Forwards again, first what was sent in the meantime.
    pub fn thaw(&self) {
        self.gate.stop_below(|_| 0);
    }
}

impl Drop for PostgresProxy {
    fn drop(&mut self) {
        self.thaw();
    }
}

impl Gate {
    fn accept(&self) -> usize {
        let mut state = self.state.lock().expect("no panic");
        state.accepted += 1;
        state.accepted - 1
    }

    fn stop_below(&self, stopped: impl FnOnce(usize) -> usize) {
        let mut state = self.state.lock().expect("no panic");
        state.stopped = stopped(state.accepted);
        self.changed.notify_all();
    }

    fn pass(&self, number: usize) {
        let state = self.state.lock().expect("no panic");
        drop(self.changed.wait_while(state, |state| number < state.stopped).expect("no panic"));
    }
}

/// Copies until one side closes, on a thread of its own.
fn forward(from: &TcpStream, to: &TcpStream, gate: &Arc<Gate>, number: usize) {
    let (mut from, mut to) = (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"));
    let gate = Arc::clone(gate);
    std::thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            gate.pass(number);
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}

/// The address of the PostgreSQL server; `None` on SQLite.
pub fn postgres_address(database: &TestDatabase) -> Option<SocketAddr> {
    let url = database.postgres_admin_url()?;
    let (_, rest) = url.split_once('@').expect("a URL with a user");
    let (address, _) = rest.split_once('/').expect("a URL with a database");
    Some(address.parse().expect("an address and a port"))
}

/// Declines encryption and returns the packet that starts the session; `None` if the client leaves before that.
pub fn read_startup(client: &mut TcpStream) -> Option<Vec<u8>> {
    loop {
        let mut head = [0; 8];
        client.read_exact(&mut head).ok()?;
        let number = |at: usize| u32::from_be_bytes(head[at..at + 4].try_into().expect("four bytes"));
        let (length, version) = (number(0), number(4));
        if matches!(version, SSL_REQUEST | GSS_REQUEST) {
            client.write_all(b"N").ok()?;
            continue;
        }
        let mut packet = head.to_vec();
        packet.resize(usize::try_from(length).expect("a short packet"), 0);
        client.read_exact(&mut packet[8..]).ok()?;
        return Some(packet);
    }
}

/// A pooler that rejects server options at the start of a session, as `PgBouncer` and others do, with this text. Returns
/// the URL through it.
pub fn start_pooler_without_options(database: &TestDatabase, rejection: &'static str) -> Option<String> {
    let server = postgres_address(database)?;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let Some(packet) = read_startup(&mut client) else { continue };
            if packet.windows(8).any(|window| window == b"options\0") {
                let fields = format!("SFATAL\0C08P01\0M{rejection}\0\0");
                let length = u32::try_from(fields.len() + 4).expect("a short message");
                let _ = client.write_all(&[b"E", &length.to_be_bytes()[..], fields.as_bytes()].concat());
                continue;
            }
            let mut upstream = TcpStream::connect(server).expect("the server listens");
            upstream.write_all(&packet).expect("it reads");
            let gate = Arc::default();
            forward(&client, &upstream, &gate, 0);
            forward(&upstream, &client, &gate, 0);
        }
    });
    Some(database.url.replacen(&server.to_string(), &address.to_string(), 1))
}
