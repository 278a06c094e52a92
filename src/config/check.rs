//! What settings must hold together: who listens where, and whose folder is whose.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

use super::{CertificateSource, Config, source::Place};
use crate::domain::Problem;

/// Where the settings compared here were written.
#[derive(Debug, Default)]
pub struct Places {
    pub listen: Option<Place>,
    pub database: Option<Place>,
    pub tls: Option<Place>,
    pub admin: Option<Place>,
    /// In the order of [`Config::reviewers`].
    pub reviewers: Vec<Place>,
}

/// Adds a problem for every pair of settings that contradict one another.
pub fn across(config: &Config, places: &Places, problems: &mut Vec<Problem>) {
    listen_agrees_with_origin(config, places, problems);
    tls_agrees_with_origin(config, places, problems);
    operators_page_is_shut(config, places, problems);
    reviewers_are_distinct(config, places, problems);
    data_is_outside_reviews(config, places, problems);
    mirrors_lie_apart(config, places, problems);
}

/// A trial's ids must not leave this machine: nothing else may reach it.
fn listen_agrees_with_origin(config: &Config, places: &Places, problems: &mut Vec<Problem>) {
    let site = &config.site;
    let open = site.listen.iter().find(|address| !address.ip().to_canonical().is_loopback());
    if let Some(address) = open.filter(|_| site.origin.is_loopback()) {
        let place = places.listen.clone().unwrap_or_else(Place::nowhere);
        problems.push(place.problem(
            format!("[site] listen: {address} can be reached from other machines, but the origin is {}", site.origin),
            "set origin to the site's public address, such as \"https://books.example\", or listen on 127.0.0.1",
        ));
    }
}

/// A certificate is for a name, and for https.
fn tls_agrees_with_origin(config: &Config, places: &Places, problems: &mut Vec<Problem>) {
    let (Some(tls), origin) = (&config.tls, &config.site.origin) else { return };
    let place = places.tls.clone().unwrap_or_else(Place::nowhere);
    if !origin.is_https() {
        problems.push(place.problem(
            format!("[tls] is for a site that is reached by https, but the origin is {origin}"),
            "set [site] origin to the site's public address, such as \"https://books.example\"",
        ));
    } else if matches!(&tls.certificate, CertificateSource::Acme(_)) && origin.name().parse::<IpAddr>().is_ok() {
        problems.push(place.problem(
            format!("[tls] acme: a certificate is asked for a name, but the origin is {origin}"),
            "set [site] origin to the site's name, or name the files of a certificate",
        ));
    }
    let open = tls.listen_http.iter().find(|address| !address.ip().to_canonical().is_loopback());
    if let Some(address) = open.filter(|_| origin.is_loopback()) {
        problems.push(place.problem(
            format!("[tls] listen_http: {address} can be reached from other machines, but the origin is {origin}"),
            "set origin to the site's public address, or listen on 127.0.0.1",
        ));
    }
    if let Some(address) = tls.listen_http.iter().find(|address| config.site.listen.contains(address)) {
        problems.push(place.problem(
            format!("[tls] listen_http: {address} is where the site itself is served by [site] listen"),
            "give http and https an address each: usually port 80 and port 443",
        ));
    }
}

/// Whoever reaches the operator's page may hide, block and send: other machines do not without a password.
fn operators_page_is_shut(config: &Config, places: &Places, problems: &mut Vec<Problem>) {
    let open = config.admin.listen.filter(|address| !address.ip().to_canonical().is_loopback());
    if let Some(address) = open.filter(|_| config.admin.password_file.is_none()) {
        let place = places.admin.clone().unwrap_or_else(Place::nowhere);
        problems.push(place.problem(
            format!("[admin] listen: {address} can be reached from other machines, and there is no password"),
            "make one with `reviewd generate password --into FILE` and name it in password_file, or listen on 127.0.0.1",
        ));
    }
}

fn reviewers_are_distinct(config: &Config, places: &Places, problems: &mut Vec<Problem>) {
    for (later, (reviewer, place)) in config.reviewers.iter().zip(&places.reviewers).enumerate() {
        for earlier in &config.reviewers[..later] {
            if earlier.handle == reviewer.handle {
                problems.push(place.problem(
                    format!("[reviewer] handle: there are two reviewers `{}`", reviewer.handle),
                    "give each reviewer a handle of their own",
                ));
            }
            let (a, b) = (real(&earlier.folder), real(&reviewer.folder));
            if a.starts_with(&b) || b.starts_with(&a) {
                problems.push(place.problem(
                    format!(
                        "[reviewer] folder: {} of `{}` and {} of `{}` lie in one another",
                        reviewer.folder.display(),
                        reviewer.handle,
                        earlier.folder.display(),
                        earlier.handle
                    ),
                    "give each reviewer a folder of their own, side by side",
                ));
            }
        }
    }
}

/// What the program writes must not come back to it as a change of the folder.
fn data_is_outside_reviews(config: &Config, places: &Places, problems: &mut Vec<Problem>) {
    let data = real(config.data_dir());
    if let Some(reviewer) = config.reviewers.iter().find(|reviewer| data.starts_with(real(&reviewer.folder))) {
        let place =
            places.database.clone().or_else(|| places.reviewers.first().cloned()).unwrap_or_else(Place::nowhere);
        problems.push(place.problem(
            format!(
                "[store] url: the data directory {} lies in the review folder {}",
                config.data_dir().display(),
                reviewer.folder.display()
            ),
            "keep data beside the reviews, not among them",
        ));
    }
}

/// A mirror may lie in its reviewer's own folder, where it is passed over; nowhere else among what the program reads.
fn mirrors_lie_apart(config: &Config, places: &Places, problems: &mut Vec<Problem>) {
    for (at, (reviewer, place)) in config.reviewers.iter().zip(&places.reviewers).enumerate() {
        let Some(mirror) = &reviewer.mirror else { continue };
        if let Some(why) = mirror_in_the_way(config, at, &real(mirror)) {
            let message = format!("[reviewer] mirror: {} {why}", mirror.display());
            problems.push(place.problem(message, "give the mirror a directory of its own, or write mirror = false"));
        }
    }
}

fn mirror_in_the_way(config: &Config, at: usize, mirror: &Path) -> Option<String> {
    if real(config.data_dir()).starts_with(mirror) {
        return Some(format!("is or holds the data directory {}", config.data_dir().display()));
    }
    let own = config.reviewers.get(at)?;
    config.reviewers.iter().enumerate().find_map(|(other_at, other)| {
        let folder = real(&other.folder);
        if folder.starts_with(mirror) || (other_at != at && mirror.starts_with(&folder)) {
            return Some(format!("and the review folder {} lie in one another", other.folder.display()));
        }
        // Two reviewers of one name are told so elsewhere.
        let earlier = real(other.mirror.as_deref().filter(|_| other_at < at && other.handle != own.handle)?);
        let nested = earlier.starts_with(mirror) || mirror.starts_with(&earlier);
        nested.then(|| format!("and the mirror of `{}` lie in one another", other.handle))
    })
}

/// With symbolic links followed as far as the path exists.
fn real(path: &Path) -> PathBuf {
    let mut rest = PathBuf::new();
    for ancestor in path.ancestors() {
        if let Ok(real) = ancestor.canonicalize() {
            return real.join(path.strip_prefix(ancestor).unwrap_or(&rest));
        }
        rest = path.to_owned();
    }
    rest
}
