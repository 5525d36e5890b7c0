//! A scratch PostgreSQL for a service that names one as its database: with what the project's migrations make in it.

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::api::detect;
use crate::api::serve::{Database, Databases, Start};
use crate::api::spec::extract::python;
use crate::domain::Isolation;
use crate::migration::{Provided, wants_postgres};
use crate::stack::Service;
use crate::workspace::Workspace;

/// Gives services that want PostgreSQL a scratch one.
#[derive(Clone, Copy, Debug, Default)]
pub struct ScratchDatabases;

#[async_trait]
impl Databases for ScratchDatabases {
    async fn provide(
        &self,
        workspace: &Arc<dyn Workspace>,
        start: &mut Start,
        cancel: &CancellationToken,
    ) -> Result<Option<Box<dyn Database>>, String> {
        let Some(service) = wanted(workspace, start).await else { return Ok(None) };
        let provided = Provided::start(Arc::clone(workspace), cancel.clone()).await?;
        start.environment.extend(provided.environment());
        if start.prepare.is_none() && provided.migrate(workspace, &service.folder).await?.is_none() {
            start.prepare = by_tool(workspace, &service);
        }
        Ok(Some(Box::new(provided)))
    }
}

#[async_trait]
impl Database for Provided {
    fn title(&self) -> String {
        Self::title(self)
    }

    fn asked(&self) -> usize {
        Self::asked(self)
    }

    async fn fill(&self) -> Result<(), String> {
        Self::fill(self).await.map(drop)
    }
}

/// The service that is started, where it wants PostgreSQL and has a network of its own, in which no other one is.
async fn wanted(workspace: &Arc<dyn Workspace>, start: &Start) -> Option<Service> {
    if workspace.isolation() != Isolation::Overlay {
        return None;
    }
    let (tree, folder) = (Arc::clone(workspace), start.folder.clone());
    let look = move || {
        let services = detect::stack_of(tree.as_ref()).services;
        services.into_iter().find(|service| service.folder == folder).filter(wants_postgres)
    };
    tokio::task::spawn_blocking(look).await.ok().flatten()
}

/// How the project's own tool of migrations is run to the newest.
fn by_tool(workspace: &Arc<dyn Workspace>, service: &Service) -> Option<String> {
    let python = || python(workspace.as_ref(), &service.folder);
    service.migrations.iter().find_map(|tool| match tool.name.as_str() {
        "alembic" => Some(format!("{} -m alembic upgrade head", python())),
        "django" => Some(format!("{} manage.py migrate --noinput", python())),
        "knex" => Some("npx --no-install knex migrate:latest".to_owned()),
        "sequelize-cli" => Some("npx --no-install sequelize-cli db:migrate".to_owned()),
        _ => None,
    })
}
