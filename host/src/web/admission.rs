//! What every request passes before its route is looked for: limits, the guard's rules, and the way in by a link with the token.

use super::failure::Failure;
use super::guard::{COOKIE, Guard, Refusal, bind};
use super::routes::Shared;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::time::Duration;

/// Bytes of an address.
const ADDRESS: usize = 8 << 10;
/// A request that takes longer is given up.
const TIME: Duration = Duration::from_secs(60);

/// What every request passes first, and every answer last.
pub async fn check(State(app): Shared, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let answer = match admitted(&app.guard, &request) {
        Ok(None) => match tokio::time::timeout(TIME, next.run(request)).await {
            Ok(answer) => answer,
            Err(_) => Failure::Busy.into_response(),
        },
        Ok(Some(answer)) => answer,
        Err(failure) => failure.into_response(),
    };
    let (mut parts, body) = answer.into_parts();
    bind(&mut parts.headers, &method);
    Response::from_parts(parts, body)
}

/// Whether a request goes on; a link with the token becomes a cookie first.
fn admitted(guard: &Guard, request: &Request) -> Result<Option<Response>, Failure> {
    if request.uri().path_and_query().is_some_and(|address| address.as_str().len() > ADDRESS) {
        return Err(Failure::TooLong);
    }
    guard.knows_host(request.headers())?;
    let query = request.uri().query().unwrap_or_default();
    let given = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "token");
    if let Some((_, token)) = given.filter(|(_, token)| guard.is_token(token)) {
        let cookie = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax");
        let cookie = HeaderValue::from_str(&cookie).map_err(|_| Failure::Refused(Refusal::Token))?;
        let place = without_token(request.uri().path(), query);
        let place = HeaderValue::from_str(&place).map_err(|_| Failure::Refused(Refusal::Token))?;
        let headers = [(header::SET_COOKIE, cookie), (header::LOCATION, place)];
        return Ok(Some((StatusCode::SEE_OTHER, headers).into_response()));
    }
    guard.admits(request.headers())?;
    Ok(None)
}

/// The same address of this server without the token. A path that begins with two slashes would name another server.
fn without_token(path: &str, query: &str) -> String {
    let path = path.trim_start_matches(['/', '\\']);
    let rest = query.split('&').filter(|pair| {
        let mut named = form_urlencoded::parse(pair.as_bytes());
        !pair.is_empty() && named.next().is_none_or(|(key, _)| key != "token")
    });
    let rest: Vec<&str> = rest.collect();
    let mark = if rest.is_empty() { "" } else { "?" };
    format!("/{path}{mark}{}", rest.join("&"))
}

#[cfg(test)]
mod tests {
    use super::without_token;

    #[test]
    fn a_link_with_the_token_leads_to_the_same_page_of_this_server() {
        for (path, query, place) in [
            ("/", "token=T", "/"),
            ("/r/demo/hm/", "sort=spice&token=T&q=a%26b", "/r/demo/hm/?sort=spice&q=a%26b"),
            ("/r/demo/hm/", "%74oken=T&&tokens=1", "/r/demo/hm/?tokens=1"),
            ("//evil.com/", "token=T", "/evil.com/"),
            ("/\\evil.com/", "token=T", "/evil.com/"),
            ("///", "token=T&a", "/?a"),
        ] {
            assert_eq!(without_token(path, query), place, "{path}?{query}");
        }
    }
}
