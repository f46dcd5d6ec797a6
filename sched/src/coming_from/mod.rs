//! Where one finds what one knows: from [Go](go), from [std's threads](threads) and the crates around
//! them, from [async](futures).
//!
//! Each page is a table: what it is called there, what it is called here, and what is different. Names
//! are the short forms of the hosted platform, at the root of this crate; on a platform of one's own
//! [`platform!`](crate::platform!) writes them. What is different was tried, not remembered: the
//! examples under the tables run as tests.

pub mod futures;
pub mod go;
pub mod threads;
