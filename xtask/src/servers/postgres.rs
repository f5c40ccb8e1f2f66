//! PostgreSQL for the tests: one server that all share, one to be crashed, and PgBouncer before the first.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{Folder, Server, Servers, command, done, find, free_port, install, wait_for, words};
use crate::run::Failed;

const URL: &str = "PAYSLUICE_TEST_POSTGRES";
const CRASH_URL: &str = "PAYSLUICE_TEST_POSTGRES_CRASH_URL";
const CRASH_COMMAND: &str = "PAYSLUICE_TEST_POSTGRES_CRASH_COMMAND";
const BOUNCER: &str = "PAYSLUICE_TEST_PGBOUNCER";

const WANTED: &str = "the tests need PostgreSQL, and it is neither here nor can it be installed\n\
    either install it (Debian: apt-get install postgresql), or name a database of your own in which schemas may be made:\n\
    PAYSLUICE_TEST_POSTGRES=postgres://me@localhost/test cargo xtask test";

pub(super) fn start(servers: &mut Servers) -> Result<(), Failed> {
    if std::env::var_os(URL).is_some() {
        eprintln!("   PostgreSQL: the one that {URL} names");
        return Ok(());
    }
    let programs = programs().ok_or_else(|| Failed::new(WANTED))?;
    let (shared, port) = server(&programs, "postgres")?;
    servers.tell(URL, url(port));
    servers.keep(shared);
    eprintln!("   PostgreSQL: {} at port {port}", programs.display());

    let (crashed, crash_port) = server(&programs, "postgres-crash")?;
    servers.tell(CRASH_URL, url(crash_port));
    servers.tell(CRASH_COMMAND, crash(&programs, &crashed.folder));
    servers.keep(crashed);
    bouncer(servers, port)
}

/// The folder of PostgreSQL's programs, the newest of several.
fn programs() -> Option<PathBuf> {
    let found = || {
        let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
        folders.sort();
        folders.reverse();
        find("initdb", &folders)?.parent().map(Path::to_path_buf)
    };
    found().or_else(|| {
        install("postgresql");
        found()
    })
}

fn url(port: u16) -> String {
    format!("postgres://paysluice@127.0.0.1:{port}/postgres")
}

fn server(programs: &Path, name: &str) -> Result<(Server, u16), Failed> {
    let folder = Folder::new(name)?;
    let data = folder.path().join("data");
    let mut make = command(&programs.join("initdb"));
    make.args(["-U", "paysluice", "-A", "trust", "-E", "UTF8", "--locale=C", "-D"]).arg(&data);
    done("initdb", &mut make)?;
    let port = free_port()?;
    let mut run = command(&programs.join("postgres"));
    run.arg("-D").arg(&data).args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200"]);
    run.args(["-c", &format!("unix_socket_directories={}", folder.path().display())]);
    let child = spawn("PostgreSQL", &mut run)?;
    // After a crash the server is no child of ours any more.
    let mut stop = command(&programs.join("pg_ctl"));
    stop.arg("-D").arg(&data).args(["-m", "immediate", "-w", "stop"]);
    let mut server = Server::new(folder, child, Some(stop))?;
    let ready = programs.join("pg_isready");
    let ask = || Command::new(&ready).args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]).status();
    wait_for("PostgreSQL", &mut server.child, || ask().is_ok_and(|status| status.success()))?;
    Ok((server, port))
}

/// What a shell runs to crash the server and to start it again.
fn crash(programs: &Path, folder: &Folder) -> String {
    let mut restart = command(&programs.join("pg_ctl"));
    restart
        .arg("-D")
        .arg(folder.path().join("data"))
        .args(["-m", "immediate", "-w", "-l"])
        .arg(folder.path().join("log"))
        .arg("restart");
    words(&restart)
}

const BOUNCER_WANTED: &str = "the tests need PgBouncer, and it is neither here nor can it be installed\n\
    either install it (Debian: apt-get install pgbouncer), or name a database of your own, and the store is not tried behind PgBouncer:\n\
    PAYSLUICE_TEST_POSTGRES=postgres://me@localhost/test cargo xtask test";

/// PgBouncer in transaction mode.
fn bouncer(servers: &mut Servers, server: u16) -> Result<(), Failed> {
    let found = || find("pgbouncer", &[]);
    let program = found().or_else(|| {
        install("pgbouncer");
        found()
    });
    let program = program.ok_or_else(|| Failed::new(BOUNCER_WANTED))?;
    let folder = Folder::new("pgbouncer")?;
    let (port, settings) = (free_port()?, folder.path().join("pgbouncer.ini"));
    let text = format!(
        "[databases]\npostgres = host=127.0.0.1 port={server} dbname=postgres user=paysluice\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\n\
         default_pool_size = 10\nmax_client_conn = 200\n"
    );
    std::fs::write(&settings, text).map_err(|error| Failed::new(format!("{}: {error}", settings.display())))?;
    let child = spawn("PgBouncer", command(&program).arg(&settings))?;
    let mut bouncer = Server::new(folder, child, None)?;
    wait_for("PgBouncer", &mut bouncer.child, || TcpStream::connect(("127.0.0.1", port)).is_ok())?;
    servers.tell(BOUNCER, url(port));
    servers.keep(bouncer);
    eprintln!("   PgBouncer: {} at port {port}", program.display());
    Ok(())
}

fn spawn(what: &str, command: &mut Command) -> Result<Child, Failed> {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().map_err(|error| Failed::new(format!("{what}: {error}")))
}
