//! A shared store under Patroni whose leader is killed, replaced in order, and cut off the network while clients write.
//!
//! The standby is synchronous, so nothing that was acknowledged may be missing afterwards. A part of `cargo xtask test --long`.

use std::time::{Duration, Instant};

use csms_faults::{CONNECTIONS, PASSWORD, ROLE, Writers, client, command, is_long, require_all};
use csms_testbed::{Cluster, Server, patroni::TTL, postgres::DATABASE, roots, server::Options};

/// Longest wait for the next leader and for writes on it. Patroni needs its [`TTL`] at least, and the machine may be busy.
const WITHIN: Duration = Duration::from_secs(180);

const POLL: Duration = Duration::from_millis(20);

/// What happens to the leader.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Killed,
    SwitchedOver,
    CutOff,
}

/// Waits until another node leads and writes succeed there. Returns the longest time without a write.
async fn taken_over(cluster: &Cluster, former: usize, writers: &Writers) -> Duration {
    let begun = Instant::now();
    let (mut last, mut longest) = ((begun, writers.acknowledged()), Duration::ZERO);
    let mut since_then = None;
    loop {
        tokio::time::sleep(POLL).await;
        let acknowledged = writers.acknowledged();
        longest = longest.max(last.0.elapsed());
        if acknowledged > last.1 {
            last = (Instant::now(), acknowledged);
        }
        if since_then.is_none() && cluster.leader().await.is_some_and(|(leader, _)| leader != former) {
            since_then = Some(acknowledged);
        }
        if since_then.is_some_and(|before| acknowledged > before + 10) {
            return longest;
        }
        assert!(begun.elapsed() < WITHIN, "no write within {WITHIN:?}; another leads: {}", since_then.is_some());
    }
}

#[allow(clippy::print_stdout, reason = "the figures are for whoever runs the suite")]
#[tokio::test(flavor = "multi_thread")]
async fn a_shared_store_under_patroni_loses_nothing_to_the_failure_of_its_leader() {
    if !is_long() {
        return;
    }
    let Some(mut cluster) = roots::if_provided(Cluster::start().await).unwrap() else { return };
    cluster.execute(&format!("CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'")).await.unwrap();
    cluster.execute(&format!("ALTER DATABASE {DATABASE} OWNER TO {ROLE}")).await.unwrap();
    let address = format!("postgres://{ROLE}@{}/{DATABASE}?target_session_attrs=read-write", cluster.hosts());
    let options = Options::default()
        .argument("--store")
        .argument(&address)
        .argument("--store-connections")
        .argument(CONNECTIONS.to_string())
        .argument("--secret-quota")
        .argument("10000000")
        .variable("PGPASSWORD", PASSWORD);
    let server = Server::start(options).await.unwrap();
    let client = client(&server);
    // What they write is read back, one after the other.
    let writers = Writers::begin(&client, "w", 2);
    for fault in [Fault::Killed, Fault::SwitchedOver, Fault::CutOff] {
        let leader = cluster.ready().await.unwrap();
        writers.go_on().await;
        let fail = async {
            match fault {
                Fault::Killed => cluster.kill(leader),
                Fault::SwitchedOver => cluster.switch_over().await,
                Fault::CutOff => cluster.cut(leader, true),
            }
        };
        let (failed, pause) = tokio::join!(fail, taken_over(&cluster, leader, &writers));
        failed.unwrap();
        println!("the leader was {fault:?}: no write for {:.1} s (ttl {TTL} s)", pause.as_secs_f64());
        match fault {
            Fault::Killed => cluster.start_again(leader).unwrap(),
            Fault::SwitchedOver => {}
            Fault::CutOff => cluster.cut(leader, false).unwrap(),
        }
    }
    // The former leader, which has come back, follows the one that leads.
    cluster.ready().await.unwrap();
    writers.go_on().await;
    let acknowledged = writers.end().await;
    require_all(&client, &acknowledged).await;
    println!("{} writes were acknowledged, and all are there", acknowledged.len());
    server.terminate().await.unwrap();
    let verified = command(server.data(), &["audit", "verify", "--offline", "--store", &address]).await;
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
}
