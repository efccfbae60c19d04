//! What is answered to which request. Handlers look names up in what is being served; no part of a request becomes a path.

use super::admission::check;
use super::failure::Failure;
use super::forms::{cast, note};
use super::guard::Guard;
use super::images::{Images, Size};
use super::links::Links;
use super::pages::{HomePage, ItemPage, ItemsPage, ListInput, RunSummary, Shell, VotePage, html};
use super::served::{ServedRun, VoteRequest};
use super::view::View;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{StatusCode, Uri, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use std::sync::Arc;

/// Bytes of a form.
const BODY: usize = 64 << 10;

const CSS: &str = include_str!("assets/app.css");
const JS: &str = include_str!("assets/app.js");
/// What stands where an image cannot be shown.
const NO_IMAGE: &str = include_str!("assets/no-image.svg");

/// What is served.
pub struct App {
    pub runs: Vec<ServedRun>,
    pub images: Images,
    pub guard: Guard,
}

pub type Shared = State<Arc<App>>;

pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/assets/app.css", get(|| async { asset("text/css; charset=utf-8", CSS) }))
        .route("/assets/app.js", get(|| async { asset("text/javascript; charset=utf-8", JS) }))
        .route("/favicon.ico", get(|| async { StatusCode::NO_CONTENT }))
        .route("/r/{run}", get(run_with_slash))
        .route("/r/{run}/", get(run))
        .route("/r/{run}/live", get(live))
        .route("/r/{run}/notes.csv", get(notes_csv))
        .route("/r/{run}/votes.csv", get(votes_csv))
        .route("/r/{run}/{dataset}", get(items_with_slash))
        .route("/r/{run}/{dataset}/", get(items))
        .route("/r/{run}/{dataset}/item", get(item))
        .route("/r/{run}/{dataset}/image", get(image))
        .route("/r/{run}/{dataset}/note", axum::routing::post(note))
        .route("/r/{run}/{dataset}/vote", get(vote).post(cast))
        .fallback(|| async { Failure::NotFound("There is no such page.".to_owned()) })
        .layer(DefaultBodyLimit::max(BODY))
        .layer(from_fn_with_state(Arc::clone(&app), check))
        .with_state(app)
}

fn page(page: &impl askama::Template) -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], html(page)).into_response()
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], text).into_response()
}

/// Runs what reads files on a thread that may wait.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(Failure::Busy))
}

impl App {
    fn run(&self, slug: &str) -> Result<&ServedRun, Failure> {
        let found = self.runs.iter().find(|run| run.slug == slug);
        found.ok_or_else(|| Failure::NotFound("No such run is served.".to_owned()))
    }

    fn shell(&self, title: &str, links: &Links) -> Shell {
        Shell::new(title, links, Some(&self.guard.csrf))
    }

    fn summary(run: &ServedRun) -> RunSummary {
        RunSummary::new(&run.name, &run.snapshot(), &run.links())
    }

    /// Makes a page about a dataset; a file that changed meanwhile is noted, so that it is read anew.
    pub fn about<T>(
        &self,
        (run, dataset): &(String, String),
        query: &str,
        make: impl FnOnce(&ServedRun, &ListInput<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let run = self.run(run)?;
        let snapshot = run.snapshot();
        let found = snapshot.dataset(dataset);
        let dataset = found.ok_or_else(|| Failure::NotFound("The run has no such dataset.".to_owned()))?;
        let view = View::parse(query, dataset);
        let noted = run.noted(dataset);
        let order = run.order(&snapshot, dataset, &view, &noted);
        let links = run.links();
        let input = ListInput {
            run: &run.name,
            snapshot: &snapshot,
            dataset,
            view: &view,
            links: &links,
            order: &order,
            noted: &noted,
        };
        let made = make(run, &input);
        if matches!(made, Err(Failure::Changed)) {
            run.follower.mark_stale();
        }
        made
    }
}

async fn home(State(app): Shared) -> Response {
    let links = Links::Served { run: String::new() };
    let mut shell = app.shell("Runs", &links);
    if let [only] = &app.runs[..] {
        shell.follow(&only.links(), &only.snapshot());
        shell.notices.clear();
    }
    page(&HomePage::new(shell, app.runs.iter().map(App::summary).collect()))
}

/// The address that was meant, where the last slash is missing.
async fn run_with_slash(State(app): Shared, Path(run): Path<String>) -> Result<Redirect, Failure> {
    Ok(Redirect::permanent(&app.run(&run)?.links().run()))
}

async fn items_with_slash(
    State(app): Shared,
    Path((run, dataset)): Path<(String, String)>,
    uri: Uri,
) -> Result<Redirect, Failure> {
    let run = app.run(&run)?;
    match run.snapshot().dataset(&dataset) {
        Some(_) => Ok(Redirect::permanent(&run.links().items(&dataset, uri.query().unwrap_or_default()))),
        None => Err(Failure::NotFound("There is no such page.".to_owned())),
    }
}

async fn run(State(app): Shared, Path(run): Path<String>) -> Result<Response, Failure> {
    let run = app.run(&run)?;
    let mut shell = app.shell(&run.name, &run.links());
    shell.follow(&run.links(), &run.snapshot());
    shell.notices.clear();
    Ok(page(&HomePage::new(shell, vec![App::summary(run)])))
}

async fn live(State(app): Shared, Path(run): Path<String>) -> Result<Response, Failure> {
    let snapshot = app.run(&run)?.snapshot();
    let (done, all) = snapshot.progress();
    let busy = snapshot.indexing || done < all;
    Ok(Json(json!({ "version": snapshot.version, "done": done, "all": all, "busy": busy })).into_response())
}

async fn items(State(app): Shared, Path(place): Path<(String, String)>, uri: Uri) -> Result<Response, Failure> {
    blocking(move || {
        app.about(&place, uri.query().unwrap_or_default(), |run, input| {
            let shell = app.shell(&format!("{} · {}", input.dataset.name, run.name), input.links);
            let (made, stale) = ItemsPage::new(shell, input);
            if stale {
                run.follower.mark_stale();
            }
            Ok(page(&made))
        })
    })
    .await
}

async fn item(State(app): Shared, Path(place): Path<(String, String)>, uri: Uri) -> Result<Response, Failure> {
    blocking(move || {
        let query = uri.query().unwrap_or_default();
        app.about(&place, query, |run, input| {
            let row = row_of(input, query)?;
            let shell = app.shell("Item", input.links);
            let note = run.note(input.dataset, row).unwrap_or_default();
            let mut made = ItemPage::new(shell, input, row, note)?;
            made.shell.title = format!("{} · {}", made.card.item.id, input.dataset.name);
            Ok(page(&made))
        })
    })
    .await
}

/// The row of the item whose id the query names.
fn row_of(input: &ListInput<'_>, query: &str) -> Result<usize, Failure> {
    let id = field(query.as_bytes(), "id").unwrap_or_default();
    input.dataset.items.row(&id).ok_or_else(|| Failure::NotFound("The dataset has no item of this id.".to_owned()))
}

/// A field of a form or query.
pub fn field(form: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(form).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

async fn image(State(app): Shared, Path(place): Path<(String, String)>, uri: Uri) -> Result<Response, Failure> {
    blocking(move || {
        let run = app.run(&place.0)?;
        let snapshot = run.snapshot();
        let missing = || Failure::NotFound("There is no such image.".to_owned());
        let number = snapshot.datasets.iter().position(|dataset| dataset.name == place.1).ok_or_else(missing)?;
        let query = uri.query().unwrap_or_default().as_bytes();
        let (dataset, planned) = (&snapshot.datasets[number], &snapshot.plan.datasets[number]);
        let row = dataset.items.row(&field(query, "id").unwrap_or_default()).ok_or_else(missing)?;
        let size = if field(query, "size").as_deref() == Some("large") { Size::Large } else { Size::Thumbnail };
        Ok(match app.images.get(planned, dataset, row, size) {
            Ok(bytes) => {
                let head = [(header::CONTENT_TYPE, "image/jpeg"), (header::CACHE_CONTROL, "private, max-age=3600")];
                (head, Body::from(Bytes::from_owner(bytes))).into_response()
            }
            Err(reason) => {
                run.tell_once(&reason);
                (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "image/svg+xml")], NO_IMAGE).into_response()
            }
        })
    })
    .await
}

async fn vote(State(app): Shared, Path(place): Path<(String, String)>, uri: Uri) -> Result<Response, Failure> {
    blocking(move || {
        let query = uri.query().unwrap_or_default();
        app.about(&place, "", |run, input| {
            let get = |name: &str| field(query.as_bytes(), name);
            let request = VoteRequest { a: get("a"), b: get("b"), after: get("after"), last: get("last") };
            let missing = || Failure::NotFound("Comparing takes two models of this run.".to_owned());
            let pair = request.pair(input.dataset).ok_or_else(missing)?;
            let shell = app.shell(&format!("Blind comparison · {}", input.dataset.name), input.links);
            Ok(page(&VotePage::new(shell, input, run.ballot(input.dataset, pair, &request))?))
        })
    })
    .await
}

async fn notes_csv(State(app): Shared, Path(run): Path<String>) -> Result<Response, Failure> {
    blocking(move || {
        let run = app.run(&run)?;
        download(&run.slug, "notes", run.notes_csv())
    })
    .await
}

async fn votes_csv(State(app): Shared, Path(run): Path<String>) -> Result<Response, Failure> {
    blocking(move || {
        let run = app.run(&run)?;
        download(&run.slug, "votes", run.votes_csv())
    })
    .await
}

fn download(slug: &str, kind: &str, csv: crate::error::Result<Vec<u8>>) -> Result<Response, Failure> {
    let csv = csv.map_err(|error| Failure::NotFound(error.to_string()))?;
    let name = format!("attachment; filename=\"{}-{kind}.csv\"", super::links::file_name(slug));
    let head = [(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((head, csv).into_response())
}
