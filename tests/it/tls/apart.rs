//! A network of a test's own: its ports 80 and 443 are free, and names lead where the test says.
//!
//! Authorities come to ports 80 and 443, whatever a site says. So such a test runs a second time, in namespaces of the
//! kernel (unshare(1)) that end with it.

use std::{fs, process::Command, thread};

use crate::peers::{repository, skip};

/// Set in the second run.
const INSIDE: &str = "REVIEWD_TEST_APART";
/// Names there, all of this machine.
const HOSTS: &str = "127.0.0.1 localhost books.example\n";
/// Brings the loopback up, lays the names over the system's, and begins the test anew.
const ENTER: &str = "ip link set lo up && mount --bind \"$1\" /etc/hosts && shift && exec \"$@\"";

/// Whether this is the inside. Outside, it runs the test there, and fails as it fails.
pub fn is_inside() -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let is_possible = Command::new("unshare").args(["--net", "--mount", "ip", "link", "set", "lo", "up"]).output();
    if !is_possible.is_ok_and(|output| output.status.success()) {
        skip("ports 80 and 443 of its own take root, unshare and ip (packages util-linux and iproute2)");
        return false;
    }
    let home = tempfile::tempdir().unwrap();
    let hosts = home.path().join("hosts");
    fs::write(&hosts, HOSTS).unwrap();
    let test = thread::current().name().expect("the harness names its threads").to_owned();
    let output = Command::new("unshare")
        .args(["--net", "--mount", "sh", "-c", ENTER, "sh"])
        .arg(hosts)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &test, "--nocapture"])
        .env(INSIDE, "1")
        .current_dir(repository())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    false
}
