//! Where to find what other systems call by other names: coming from [Go](go), from [std's
//! threads](threads) and the crates around them, from [async](futures).
//!
//! Each page is a table: what it is called there, what it is called here, and what is different. Names
//! are the short forms of the hosted platform, at the root of this crate; on any other platform
//! [`platform!`](crate::platform!) writes them. The differences have been tried, not remembered: the
//! examples under the tables run as tests.

pub mod futures;
pub mod go;
pub mod threads;
