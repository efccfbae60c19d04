//! `host serve`

use super::Done;
use super::common::Common;
use super::printing::{print, print_json};
use crate::error::Result;
use crate::web::{Request, Server};
use clap::Args;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct Arguments {
    /// Run directories
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// The port; 0 is any that is free [default: 8765, or any that is free]
    #[arg(long, value_name = "P")]
    port: Option<u16>,
    /// The address to listen on; beyond loopback a token is needed, which the printed address has
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,
    /// A name by which browsers may call the server, besides its addresses and localhost
    #[arg(long, value_name = "NAME")]
    name: Vec<String>,
    /// Print the address as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(common: &Common, arguments: &Arguments) -> Result<Done> {
    let request = Request {
        runs: arguments.runs.clone(),
        address: arguments.address,
        port: arguments.port.unwrap_or(8765),
        any_port: arguments.port.is_none(),
        names: arguments.name.clone(),
    };
    // Without a registry everything but the images is there.
    let registry = common.registry_and_lock();
    if let Err(error) = &registry {
        common.reporter().warn(&format!("images cannot be shown: {error}"));
    }
    let server = Server::open(&request, registry)?;
    if arguments.json {
        print_json(&serde_json::json!({ "url": server.url, "elsewhere": server.elsewhere }))?;
    } else {
        print(&format!("{}\n", server.url))?;
        if let Some(url) = &server.elsewhere {
            common.reporter().note(&format!(
                "from other machines: {url}, or with an address of this machine in the name's place; --name says which name it is"
            ));
        }
        common.reporter().note("serving until Ctrl-C");
    }
    server.run()?;
    Ok(Done::All)
}
