//! Why a request gets no answer, and the page that says so.

use super::guard::Refusal;
use super::index::Changed;
use super::pages::{MessagePage, html};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Why there is no answer.
pub enum Failure {
    NotFound(String),
    Refused(Refusal),
    Changed,
    TooLong,
    Busy,
    /// A form that is not as the page's own form is.
    Malformed,
    NotSaved(String),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        Failure::Refused(refusal)
    }
}

impl From<Changed> for Failure {
    fn from(_: Changed) -> Failure {
        Failure::Changed
    }
}

impl Failure {
    /// Status, heading and sentence.
    pub fn told(&self) -> (StatusCode, &'static str, String) {
        match self {
            Failure::NotFound(text) => (StatusCode::NOT_FOUND, "Not found", text.clone()),
            Failure::Refused(Refusal::Host) => (
                StatusCode::MISDIRECTED_REQUEST,
                "Another host",
                "This server is not called by that name. Use the address that `host serve` printed, or start it with --name NAME.".to_owned(),
            ),
            Failure::Refused(Refusal::Token) => (
                StatusCode::UNAUTHORIZED,
                "Token needed",
                "Open the address with the token that `host serve` printed.".to_owned(),
            ),
            Failure::Refused(Refusal::Foreign) => (
                StatusCode::FORBIDDEN,
                "Not saved",
                "Not saved: the page is from another site or from before the server was started. Reload it and try again.".to_owned(),
            ),
            Failure::Changed => (
                StatusCode::CONFLICT,
                "The run has changed",
                "The run's files have changed and are being read anew. Reload the page in a moment.".to_owned(),
            ),
            Failure::TooLong => (StatusCode::URI_TOO_LONG, "Too long", "The address is too long.".to_owned()),
            Failure::Busy => (StatusCode::SERVICE_UNAVAILABLE, "Busy", "The server is too busy. Try again.".to_owned()),
            Failure::Malformed => {
                (StatusCode::BAD_REQUEST, "Not understood", "The form is not understood.".to_owned())
            }
            Failure::NotSaved(reason) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "Not saved", format!("Not saved: {reason}"))
            }
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, heading, text) = self.told();
        let page = html(&MessagePage::new(heading, &text));
        (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
    }
}
