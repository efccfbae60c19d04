//! Who may ask, and for what: names of the host (against DNS rebinding), the token off loopback, where forms come from, and the headers
//! that bind the browser.

use axum::http::{HeaderMap, HeaderValue, Method, header};
use std::net::IpAddr;

/// What a page may load and do: nothing but this server's own files and forms; no script or style in the page itself.
const POLICY: &str = "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The cookie that holds the token.
pub const COOKIE: &str = "lookbook-token";

/// The rules of one server.
#[derive(Debug, Clone)]
pub struct Guard {
    /// Needed from everybody, where the server listens beyond loopback.
    pub token: Option<String>,
    /// What forms of this server's pages send back.
    pub csrf: String,
    /// Names besides addresses and `localhost` by which the server may be called.
    pub names: Vec<String>,
    /// Only loopback's own names.
    pub loopback: bool,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The `Host` header names no address of this server.
    Host,
    /// No token, or a wrong one.
    Token,
    /// A form that is not this server's.
    Foreign,
}

impl Guard {
    /// With fresh secrets.
    pub fn new(loopback: bool, names: Vec<String>) -> Guard {
        Guard { token: (!loopback).then(secret), csrf: secret(), names, loopback }
    }

    /// Is this `Host` header one of ours? A page of another site whose name was made to lead here is told by it. Addresses cannot be
    /// made to lead elsewhere, so that beyond loopback any address will do.
    pub fn knows_host(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let mut hosts = headers.get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err(Refusal::Host) };
        let host = host.to_str().map_err(|_| Refusal::Host)?;
        let name = without_port(host).ok_or(Refusal::Host)?;
        let address: Option<IpAddr> = name.trim_start_matches('[').trim_end_matches(']').parse().ok();
        let known = match address {
            Some(address) => !self.loopback || address.is_loopback(),
            None => {
                name.eq_ignore_ascii_case("localhost") || self.names.iter().any(|own| own.eq_ignore_ascii_case(name))
            }
        };
        if known { Ok(()) } else { Err(Refusal::Host) }
    }

    /// Does the request carry the token, in its cookie?
    pub fn admits(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(token) = &self.token else { return Ok(()) };
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        match pairs.any(|(name, value)| name == COOKIE && same(value, token)) {
            true => Ok(()),
            false => Err(Refusal::Token),
        }
    }

    /// Is this the token of a link?
    pub fn is_token(&self, given: &str) -> bool {
        self.token.as_ref().is_some_and(|token| same(given, token))
    }

    /// May this form change something? Its secret must be this server's, and the browser must not say that it comes from elsewhere.
    pub fn accepts_form(&self, headers: &HeaderMap, csrf: &str) -> Result<(), Refusal> {
        let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or("?"));
        if text("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none") {
            return Err(Refusal::Foreign);
        }
        let host = text("host").unwrap_or_default();
        if text("origin").is_some_and(|origin| origin.split_once("://").is_none_or(|(_, from)| from != host)) {
            return Err(Refusal::Foreign);
        }
        if same(csrf, &self.csrf) { Ok(()) } else { Err(Refusal::Foreign) }
    }
}

/// Adds what every answer carries.
pub fn bind(headers: &mut HeaderMap, method: &Method) {
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("permissions-policy", HeaderValue::from_static("camera=(), microphone=(), geolocation=()"));
    if method != Method::GET || !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// `name`, `name:80`, `[::1]:80`; none if what stands behind the colon is no port.
fn without_port(host: &str) -> Option<&str> {
    let end = match host.rfind(']') {
        Some(bracket) if host.starts_with('[') => bracket + 1,
        _ => host.find(':').unwrap_or(host.len()),
    };
    let (name, port) = host.split_at(end);
    let valid = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    (valid && !name.is_empty()).then_some(name)
}

/// 192 random bits.
fn secret() -> String {
    let mut bytes = [0u8; 24];
    // The system's generator is there on every system that we run on; without it there must be no server.
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    crate::run::hex(&bytes)
}

/// Compares without telling by time how much is right.
fn same(given: &str, secret: &str) -> bool {
    let (given, secret) = (given.as_bytes(), secret.as_bytes());
    given.len() == secret.len() && given.iter().zip(secret).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn other_names_of_this_machine_are_refused() {
        let guard = Guard::new(true, Vec::new());
        for host in ["127.0.0.1", "127.0.0.1:80", "localhost:8765", "LOCALHOST", "[::1]:8765", "[::1]"] {
            assert!(guard.knows_host(&headers(&[("host", host)])).is_ok(), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8765",
            "127.0.0.1.evil.example",
            "192.168.1.5",
            "localhost:x",
            "",
            ":80",
            "[::1",
        ] {
            assert!(guard.knows_host(&headers(&[("host", host)])).is_err(), "{host}");
        }
        assert!(guard.knows_host(&headers(&[])).is_err());
        assert!(guard.knows_host(&headers(&[("host", "localhost"), ("host", "localhost")])).is_err());
        let open = Guard::new(false, vec!["lab.example".to_owned()]);
        for host in ["192.168.1.5:8765", "Lab.example", "localhost"] {
            assert!(open.knows_host(&headers(&[("host", host)])).is_ok(), "{host}");
        }
        assert!(open.knows_host(&headers(&[("host", "evil.example")])).is_err());
    }

    #[test]
    fn off_loopback_only_the_token_admits() {
        let guard = Guard::new(false, Vec::new());
        let token = guard.token.clone().unwrap();
        let with = |cookie: &str| guard.admits(&headers(&[("cookie", cookie)])).is_ok();
        assert!(with(&format!("a=b; {COOKIE}={token}")));
        assert!(!with(&format!("{COOKIE}={}", &token[1..])));
        assert!(!with(&format!("{COOKIE}=")) && guard.admits(&headers(&[])).is_err());
        assert!(guard.is_token(&token) && !guard.is_token("x"));
        assert!(Guard::new(true, Vec::new()).admits(&headers(&[])).is_ok());
    }

    #[test]
    fn forms_of_other_sites_are_refused() {
        let guard = Guard::new(true, Vec::new());
        let (host, own) = (("host", "localhost:80"), ("origin", "http://localhost:80"));
        assert!(guard.accepts_form(&headers(&[host, own, ("sec-fetch-site", "same-origin")]), &guard.csrf).is_ok());
        assert!(guard.accepts_form(&headers(&[host]), &guard.csrf).is_ok());
        assert!(guard.accepts_form(&headers(&[host, own]), "guessed").is_err());
        assert!(guard.accepts_form(&headers(&[host, ("origin", "http://evil.example")]), &guard.csrf).is_err());
        assert!(guard.accepts_form(&headers(&[host, ("origin", "null")]), &guard.csrf).is_err());
        assert!(guard.accepts_form(&headers(&[host, ("sec-fetch-site", "cross-site")]), &guard.csrf).is_err());
    }
}
