//! The operator's page: who is let in, which forms do something, and that they do it once.
#![allow(clippy::disallowed_methods, reason = "test code: it speaks HTTP as a stranger would")]

mod desk;
mod doors;
mod looks;

use std::{fs, os::unix::fs::PermissionsExt};

use reqwest::{Method, redirect};

use crate::world::{Answer, Setup, World};

const PASSWORD: &str = "correct horse battery staple";
const OWN: &str = "[admin]\nlisten = \"127.0.0.1:0\"\n";
const ON_THE_SITE: &str = "[admin]\npassword_file = \"admin.password\"\n";

/// A browser of the operator's, as far as HTTP goes.
struct Visitor {
    client: reqwest::Client,
    /// `http://127.0.0.1:PORT`, where it connects.
    address: String,
    /// What it believes to talk to: the `Host`, and the `Origin` of its forms.
    host: String,
    origin: String,
    cookie: Option<String>,
}

/// A form on a page, as it is sent.
#[derive(Debug, Clone)]
struct Form {
    action: String,
    fields: Vec<(String, String)>,
}

impl Form {
    fn set(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    fn get(&self, name: &str) -> &str {
        self.fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

impl Visitor {
    /// At the page's own address.
    fn own(world: &World) -> Self {
        let address = world.running().admin.unwrap();
        Self::at(format!("http://{address}"), address.to_string(), format!("http://{address}"))
    }

    /// At the site, as through a proxy with a certificate.
    fn of_site(world: &World) -> Self {
        Self::at(world.address(), "books.example".to_owned(), "https://books.example".to_owned())
    }

    fn at(address: String, host: String, origin: String) -> Self {
        let client = reqwest::Client::builder().no_proxy().redirect(redirect::Policy::none()).build().unwrap();
        Self { client, address, host, origin, cookie: None }
    }

    async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)], body: String) -> Answer {
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.address)).body(body);
        let mut all = vec![("host", self.host.as_str())];
        if method == Method::POST {
            all.extend([("content-type", "application/x-www-form-urlencoded"), ("origin", self.origin.as_str())]);
        }
        all.extend(self.cookie.iter().map(|cookie| ("cookie", cookie.as_str())));
        all.retain(|(name, _)| !headers.iter().any(|(other, _)| other == name));
        for (name, value) in all.iter().chain(headers).filter(|(_, value)| !value.is_empty()) {
            request = request.header(*name, *value);
        }
        Answer::read(path, request.send().await.unwrap()).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[], String::new()).await
    }

    /// A page that has to be there.
    async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.text().to_owned()
    }

    async fn send(&self, form: &Form) -> Answer {
        self.send_with(form, &[]).await
    }

    async fn send_with(&self, form: &Form, headers: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&form.fields).finish();
        self.ask(Method::POST, &form.action, headers, body).await
    }

    /// The form on a page that is sent to this address and is about this.
    async fn form(&self, path: &str, action: &str, of: &str) -> Form {
        let page = self.page(path).await;
        let forms = forms(&page);
        let found = forms.iter().find(|form| form.action == action && form.get("of") == of);
        found.cloned().unwrap_or_else(|| panic!("{path} has no form for {action} of {of}: {forms:#?}"))
    }

    /// Sends a form, and reads what the page that follows says of it.
    async fn press(&self, form: &Form) -> String {
        let answer = self.send(form).await;
        assert_eq!(answer.status, 303, "{form:?}: {}", answer.text());
        let page = self.page(&answer.header("location")).await;
        let note = page.split("role=\"status\">").nth(1).and_then(|rest| rest.split("</p>").next());
        note.unwrap_or_else(|| panic!("nothing is said: {page}")).to_owned()
    }

    /// Signs in; what is answered.
    async fn sign_in(&mut self, password: &str) -> Answer {
        let form = self.form("/admin/sign-in", "/admin/sign-in", "").await.set("password", password);
        let answer = self.send(&form).await;
        let cookie = answer.header("set-cookie");
        self.cookie = cookie.split(';').next().filter(|cookie| !cookie.is_empty()).map(str::to_owned);
        answer
    }
}

/// The forms of a page that send something.
fn forms(page: &str) -> Vec<Form> {
    let attribute = |tag: &str, name: &str| {
        let value = tag.split(&format!(" {name}=\"")).nth(1)?.split('"').next()?;
        Some(value.replace("&#38;", "&").replace("&amp;", "&").replace("&#x2F;", "/"))
    };
    let form = |text: &str| {
        let text = text.split("</form>").next()?;
        let inputs = text.split("<input").skip(1);
        Some(Form {
            action: attribute(text, "action")?,
            fields: inputs.filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value")?))).collect(),
        })
    };
    page.split("<form").skip(1).filter(|text| text.contains("method=\"post\"")).filter_map(form).collect()
}

/// A world with a password for the operator's page.
async fn locked(settings: &str) -> World {
    let mut world = World::prepare(Setup { settings, ..Setup::default() });
    write_password(&world, 0o600);
    world.start().await;
    world
}

fn write_password(world: &World, mode: u32) {
    let file = world.home().join("admin.password");
    fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
}
