# Short names for what is done often. `just` lists them; every one is a plain command you can type yourself.

default:
    @just --list

# The daemon on http://localhost:8080, with the folder ./reviews
run *OPTIONS:
    cargo run --release -- serve {{OPTIONS}}

# Every test, as CI runs them
test:
    tests/run

# One module's tests, quickly: just unit config::
unit PATH:
    cargo test --features postgres --lib {{PATH}}

# Formatting, lints, the dependency rules
lint:
    cargo fmt --check
    cargo clippy --all-targets --features postgres -- -D warnings
    cargo deny check bans licenses sources

# What packages ship
dist:
    cargo build --profile dist --locked --features postgres

# The Debian package
package:
    deploy/package

# The package under a systemd of its own (as root)
deploy-test:
    deploy/test
