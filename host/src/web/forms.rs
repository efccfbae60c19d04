//! What a page's forms write: notes, and votes of the blind comparison.

use super::failure::Failure;
use super::preference::Choice;
use super::routes::{Shared, blocking, field};
use super::served::VoteRequest;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::collections::HashMap;

/// Characters of a note.
const NOTE: usize = 4000;

pub async fn note(
    State(app): Shared,
    Path(place): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    let scripted = headers.get(header::ACCEPT).is_some_and(|value| value == "application/json");
    let saved = blocking(move || {
        let form = form(&headers, &body)?;
        let get = |name: &str| form.get(name).cloned().unwrap_or_default();
        app.guard.accepts_form(&headers, &get("csrf"))?;
        let text = get("text").replace("\r\n", "\n");
        if text.chars().count() > NOTE {
            return Err(Failure::Malformed);
        }
        app.about(&place, &get("query"), |run, input| {
            let row = input.dataset.items.row(&get("id")).ok_or(Failure::Malformed)?;
            let emptied = text.trim().is_empty();
            run.write_note(input.dataset, &get("id"), text.trim())
                .map_err(|error| Failure::NotSaved(error.to_string()))?;
            Ok((emptied, input.links.item(input.dataset, row, &get("id"), input.view).unwrap_or_default()))
        })
    })
    .await;
    match (saved, scripted) {
        (Ok((emptied, _)), true) => {
            Ok(Json(json!({ "message": if emptied { "The note is removed" } else { "Saved" } })).into_response())
        }
        (Ok((_, back)), false) => Ok(see_other(&back)),
        (Err(failure), true) => {
            let (status, _, text) = failure.told();
            Ok((status, Json(json!({ "message": text }))).into_response())
        }
        (Err(failure), false) => Err(failure),
    }
}

/// The fields of a form.
fn form(headers: &HeaderMap, body: &[u8]) -> Result<HashMap<String, String>, Failure> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().map(str::trim) != Some("application/x-www-form-urlencoded") {
        return Err(Failure::Malformed);
    }
    Ok(form_urlencoded::parse(body).into_owned().collect())
}

fn see_other(address: &str) -> Response {
    // Addresses are made of escaped segments and queries.
    let address = HeaderValue::from_str(address).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, address)]).into_response()
}

pub async fn cast(
    State(app): Shared,
    Path(place): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    blocking(move || {
        let form = form(&headers, &body)?;
        let get = |name: &str| form.get(name).cloned().unwrap_or_default();
        app.guard.accepts_form(&headers, &get("csrf"))?;
        let query = uri.query().unwrap_or_default();
        app.about(&place, "", |run, input| {
            let of = |name: &str| field(query.as_bytes(), name);
            let request = VoteRequest { a: of("a"), b: of("b"), after: None, last: None };
            let pair = request.pair(input.dataset).ok_or(Failure::Malformed)?;
            let id = get("id");
            let choice = run
                .cast(input.dataset, pair, &id, &get("preferred"))
                .ok_or(Failure::Malformed)?
                .map_err(|error| Failure::NotSaved(error.to_string()))?;
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("a", &input.dataset.cells[pair.0].model);
            query.append_pair("b", &input.dataset.cells[pair.1].model);
            if choice != Choice::Withdrawn {
                query.append_pair("last", &id);
            }
            Ok(see_other(&input.links.action(&input.dataset.name, "vote", &query.finish())))
        })
    })
    .await
}
