//! A TCP echo server and its clients: async crates in goroutines.
//!
//!     cargo run --release --example echo -p g0-sched --features std -- --connections 10000
//!
//! `async-io` knows nothing of goroutines. It gives futures and keeps a thread of its own that
//! waits for the sockets; [`block_on`] runs such a future on a goroutine, which parks meanwhile.
//! So each connection is a goroutine that reads and writes as if it blocked, one on either side.
//!
//! Both sides share one runtime. Where a process may not have as many open files as both ends of
//! all connections need, the server runs in a process of its own.

use std::io::{self, BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_io::Async;
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use g0_sched::{JoinHandle, Runtime, WaitGroup, block_on, channel, try_go};

/// All of it takes no longer.
const LIMIT: Duration = Duration::from_secs(60);
/// Connections to one address: fewer than the ports that the system gives out by itself.
const PER_ADDRESS: usize = 8_000;
/// Clients that connect at a time: a listener's queue is short, and who finds it full waits for a
/// second.
const CONNECTING: usize = 100;
const ROUNDS: usize = 3;
const LENGTH: usize = 64;
/// Open files beside the connections.
const OTHER_FILES: usize = 64;

fn main() -> ExitCode {
    std::thread::spawn(|| {
        std::thread::sleep(LIMIT);
        eprintln!("echo: not done after {LIMIT:?}: ask for fewer --connections on this machine");
        std::process::exit(1);
    });
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        [] => run(1_000),
        ["--connections", n] => n.parse().map_err(|e| format!("{n}: {e}")).and_then(run),
        ["--serve", n] => n.parse().map_err(|e| format!("{n}: {e}")).and_then(serve_apart),
        _ => Err("usage: echo [--connections N]".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("echo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(connections: usize) -> Result<(), String> {
    let begin = Instant::now();
    let together = allow_files(2 * connections + OTHER_FILES)?;
    let how = if together {
        goroutines(move || exchange(connections))?;
        "one runtime"
    } else {
        let (mut server, addresses) = start_server(connections)?;
        if let Err(error) = goroutines(move || call(&addresses, connections)) {
            let _ = server.kill();
            return Err(error);
        }
        // To wait would close its input, by which it knows that it is not left alone.
        let input = server.stdin.take();
        let status = server.wait().map_err(|e| format!("the server's process: {e}"))?;
        drop(input);
        if !status.success() {
            return Err(format!("the server's process ended with {status}"));
        }
        "two processes"
    };
    let messages = connections * ROUNDS;
    println!(
        "{connections} connections open at once, {messages} messages there and back, checksum as \
         expected: {:.2} s, {how}",
        begin.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Runs `main` as the main goroutine. Small stacks: there are two goroutines a connection.
fn goroutines<T: Send>(main: impl FnOnce() -> Result<T, String> + Send) -> Result<T, String> {
    // SAFETY: what is called here waits in no initialiser of a thread-local, and keeps no pointer to a frame in one
    // while it waits: the sockets' crate has a thread of its own for what it keeps.
    let runtime = unsafe { Runtime::builder().stack_size(64 << 10).build_pinned() };
    runtime.map_err(|e| e.to_string())?.run(main).map_err(|e| e.to_string())?
}

/// Server and clients in goroutines of the running runtime.
pub fn exchange(connections: usize) -> Result<(), String> {
    let (listeners, addresses) = listen(connections)?;
    let server = start(move || serve(listeners, connections))?;
    call(&addresses, connections)?;
    join(server)
}

// ---- the server ---------------------------------------------------------------------------------

/// As many loopback addresses as it takes, and each's share of the connections.
fn shares(connections: usize) -> impl Iterator<Item = (SocketAddr, usize)> {
    let addresses = connections.div_ceil(PER_ADDRESS);
    (0..addresses).map(move |i| {
        let share = PER_ADDRESS.min(connections - i * PER_ADDRESS);
        (SocketAddr::from(([127, 0, (i / 250) as u8, (i % 250 + 1) as u8], 0)), share)
    })
}

fn listen(connections: usize) -> Result<(Vec<Async<TcpListener>>, Vec<SocketAddr>), String> {
    shares(connections)
        .map(|(address, _)| {
            let listener = Async::<TcpListener>::bind(address)
                .map_err(|e| said(&format!("listening on {address}"), &e))?;
            let address = listener.get_ref().local_addr().map_err(|e| said("its port", &e))?;
            Ok((listener, address))
        })
        .collect()
}

/// A goroutine for each listener, and one for each connection.
fn serve(listeners: Vec<Async<TcpListener>>, connections: usize) -> Result<(), String> {
    let accept = |listener: Async<TcpListener>, share| {
        let echoes = (0..share).map(|_| {
            let accepted = block_on(listener.accept());
            let (stream, peer) = accepted.map_err(|e| said("accepting", &e))?;
            start(move || block_on(echo(stream)).map_err(|e| said(&format!("echo to {peer}"), &e)))
        });
        echoes.collect::<Result<Vec<_>, _>>()?.into_iter().try_for_each(join)
    };
    let listeners = listeners.into_iter().zip(shares(connections));
    let accepting = listeners.map(|(listener, (_, share))| start(move || accept(listener, share)));
    accepting.collect::<Result<Vec<_>, _>>()?.into_iter().try_for_each(join)
}

/// Sends back what comes, until the other side has no more. Plain async code, as any crate has it.
async fn echo(mut stream: Async<TcpStream>) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            n => stream.write_all(&buffer[..n]).await?,
        }
    }
}

// ---- the clients --------------------------------------------------------------------------------

/// Opens all connections, and speaks on them when all are open.
fn call(addresses: &[SocketAddr], connections: usize) -> Result<(), String> {
    let open = Arc::new(WaitGroup::new());
    open.add(connections);
    let (enter, exit) = channel::<()>(CONNECTING);
    let clients = (0..connections).map(|i| {
        let (open, enter, exit) = (open.clone(), enter.clone(), exit.clone());
        let address = addresses[i / PER_ADDRESS];
        start(move || {
            let failed = |what: &str, e: &io::Error| said(&format!("connection {i}, {what}"), e);
            // The channel holds one unit for each that connects.
            let _ = enter.send(());
            let connected = block_on(Async::<TcpStream>::connect(address));
            let _ = exit.recv();
            // The first answer says that the server has accepted.
            let first = connected.map_err(|e| failed("connecting", &e)).and_then(|mut stream| {
                let sum =
                    block_on(speak(&mut stream, i, 0)).map_err(|e| failed("message 0", &e))?;
                Ok((stream, sum))
            });
            // Also when it has failed: the others are not to wait for it.
            open.done();
            let (mut stream, mut sum) = first?;
            open.wait();
            for round in 1..ROUNDS {
                let spoken = block_on(speak(&mut stream, i, round));
                sum ^= spoken.map_err(|e| failed(&format!("message {round}"), &e))?;
            }
            Ok(sum)
        })
    });
    let mut sum = 0;
    for client in clients.collect::<Result<Vec<_>, _>>()? {
        sum ^= join(client)?;
    }
    let all = (0..connections).flat_map(|i| (0..ROUNDS).map(move |round| message(i, round)));
    let expected = all.fold(0, |sum, message| sum ^ checksum(&message));
    if sum == expected {
        return Ok(());
    }
    Err(format!("checksum {sum:#x}, expected {expected:#x}: what came back is not what was sent"))
}

/// Says something and hears it again: its checksum.
async fn speak(stream: &mut Async<TcpStream>, connection: usize, round: usize) -> io::Result<u64> {
    let mut heard = [0; LENGTH];
    stream.write_all(&message(connection, round)).await?;
    stream.read_exact(&mut heard).await?;
    Ok(checksum(&heard))
}

/// Different for each connection and round.
fn message(connection: usize, round: usize) -> [u8; LENGTH] {
    let mut state = (connection * ROUNDS + round) as u64;
    std::array::from_fn(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    })
}

/// FNV-1a.
fn checksum(bytes: &[u8]) -> u64 {
    let step = |sum: u64, &byte: &u8| (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

// ---- goroutines, errors, processes --------------------------------------------------------------

fn start<T: Send + 'static>(
    f: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<JoinHandle<Result<T, String>>, String> {
    try_go(f).map_err(|e| format!("starting a goroutine: {e}"))
}

fn join<T>(goroutine: JoinHandle<Result<T, String>>) -> Result<T, String> {
    goroutine.join().unwrap_or_else(|_| Err("a goroutine panicked: see above".into()))
}

/// What failed, why, and what to do.
fn said(what: &str, error: &io::Error) -> String {
    let remedy = match error.raw_os_error() {
        Some(libc::EMFILE) => ": raise the limit of open files (ulimit -n)",
        Some(libc::ENFILE) => ": raise the system's limit of open files (sysctl fs.file-max)",
        Some(libc::EADDRNOTAVAIL) => ": no port left: widen net.ipv4.ip_local_port_range",
        Some(libc::ENOMEM | libc::ENOBUFS) => ": no memory left: ask for fewer --connections",
        _ => "",
    };
    format!("{what}: {error}{remedy}")
}

/// Raises the soft limit of open files towards the hard one. False when `files` are too many for
/// this process, but half of them are not.
fn allow_files(files: usize) -> Result<bool, String> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the record is ours.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return Err(said("the limit of open files", &io::Error::last_os_error()));
    }
    let files = files as libc::rlim_t;
    if limit.rlim_cur < files {
        limit.rlim_cur = files.min(limit.rlim_max);
        // SAFETY: as above.
        if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } != 0 {
            return Err(said("raising the limit of open files", &io::Error::last_os_error()));
        }
    }
    if limit.rlim_max < files / 2 + OTHER_FILES as libc::rlim_t {
        return Err(format!(
            "{files} open files are needed, half of them in each of two processes, and a process \
             may have {}: raise the hard limit (ulimit -Hn, as root) or ask for fewer --connections",
            limit.rlim_max
        ));
    }
    Ok(limit.rlim_max >= files)
}

/// The server as a process of its own, and the addresses that it says it listens on.
fn start_server(connections: usize) -> Result<(Child, Vec<SocketAddr>), String> {
    let program = std::env::current_exe().map_err(|e| format!("this program's path: {e}"))?;
    let mut server = Command::new(program)
        .args(["--serve", &connections.to_string()])
        // It ends when this process does: see `serve_apart`.
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| said("starting the server's process", &e))?;
    let lines = BufReader::new(server.stdout.take().expect("it is piped")).lines();
    let addresses: Vec<SocketAddr> = lines
        .map_while(Result::ok)
        .take(shares(connections).count())
        .filter_map(|line| line.parse().ok())
        .collect();
    if addresses.len() != shares(connections).count() {
        let _ = server.kill();
        return Err("the server's process does not say where it listens: see above".into());
    }
    Ok((server, addresses))
}

fn serve_apart(connections: usize) -> Result<(), String> {
    allow_files(connections + OTHER_FILES)?;
    goroutines(move || {
        let (listeners, addresses) = listen(connections)?;
        addresses.iter().for_each(|address| println!("{address}"));
        // A process that is left alone has nobody to serve.
        std::thread::spawn(|| {
            let _ = io::stdin().read(&mut [0]);
            std::process::exit(1);
        });
        serve(listeners, connections)
    })
}
