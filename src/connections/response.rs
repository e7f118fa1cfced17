//! The application with a deadline for its responses, which are written in small parts.

use std::error::Error;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_http::body::{BodySize, BoxBody, MessageBody};
use actix_http::{Request, Response};
use actix_service::boxed::{self, BoxServiceFactory};
use actix_service::{Service, ServiceFactory, ServiceFactoryExt as _, apply_fn_factory};
use actix_web::dev::ServiceResponse;
use actix_web::web::Bytes;

use super::stream::{Exchange, ResponseInProgress};

/// The largest part of a body that is copied to the write buffer. A body is one part otherwise, however large.
const PART_BYTES: usize = 16 * 1024;

/// Reports the start and the end of each response to its connection.
pub(super) fn with_deadline<S, B>(
    application: S,
) -> BoxServiceFactory<(), Request, Response<BodyInParts>, Response<BoxBody>, S::InitError>
where
    S: ServiceFactory<Request, Config = (), Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    S::Service: 'static,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    let application = application.map_err(Response::from);
    boxed::factory(apply_fn_factory(application, |request: Request, application: &_| {
        let in_progress = request.conn_data::<Rc<Exchange>>().map(Exchange::begin_response);
        let response = Service::call(application, request);
        async move {
            let response = match response.await {
                Ok(response) => Response::from(response).map_into_boxed_body(),
                Err(response) => response,
            };
            Ok(response.map_body(|_, body| BodyInParts { body, rest: Bytes::new(), _in_progress: in_progress }))
        }
    }))
}

/// A body whose parts have at most [`PART_BYTES`].
pub(super) struct BodyInParts {
    body: BoxBody,
    rest: Bytes,
    _in_progress: Option<ResponseInProgress>,
}

impl MessageBody for BodyInParts {
    type Error = Box<dyn Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if self.rest.is_empty() {
            match Pin::new(&mut self.body).poll_next(context) {
                Poll::Ready(Some(Ok(part))) => self.rest = part,
                end => return end,
            }
        }
        let length = self.rest.len().min(PART_BYTES);
        Poll::Ready(Some(Ok(self.rest.split_to(length))))
    }
}
