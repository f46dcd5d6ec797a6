#![no_std]
//! cgo
