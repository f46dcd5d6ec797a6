//! As much of a connection as the step needs. Every function of SQLite runs by `call`.

use std::ffi::{CStr, CString, c_int, c_void};
use std::mem::ManuallyDrop;
use std::ptr;
use std::slice;

use g0_cgo::call;
use libsqlite3_sys as ffi;

type Function =
    unsafe extern "C" fn(*mut ffi::sqlite3_context, c_int, *mut *mut ffi::sqlite3_value);
type Collation =
    unsafe extern "C" fn(*mut c_void, c_int, *const c_void, c_int, *const c_void) -> c_int;

/// An open database in memory; one goroutine has it.
pub struct Db(*mut ffi::sqlite3);

impl Db {
    pub fn open() -> Result<Self, String> {
        let mut db = ptr::null_mut();
        // SAFETY: SQLite writes the connection, also when it fails.
        let code = call(|| unsafe { ffi::sqlite3_open(c":memory:".as_ptr(), &raw mut db) });
        let db = Self(db);
        db.done(code).map(|()| db)
    }

    /// A connection that belongs to somebody else, who closes it.
    ///
    /// # Safety
    ///
    /// It is open, and this goroutine's.
    pub unsafe fn of(db: *mut ffi::sqlite3) -> ManuallyDrop<Self> {
        ManuallyDrop::new(Self(db))
    }

    pub fn version() -> &'static str {
        // SAFETY: a static text.
        unsafe { CStr::from_ptr(ffi::sqlite3_libversion()) }.to_str().unwrap_or("?")
    }

    fn done(&self, code: c_int) -> Result<(), String> {
        if matches!(code, ffi::SQLITE_OK | ffi::SQLITE_ROW | ffi::SQLITE_DONE) {
            return Ok(());
        }
        // SAFETY: the message stays until the connection's next function.
        let message = call(|| unsafe { CStr::from_ptr(ffi::sqlite3_errmsg(self.0)).to_owned() });
        Err(format!("SQLite: {} ({code})", message.to_string_lossy()))
    }

    /// A function of one argument.
    pub fn function(&self, name: &CStr, f: Function, data: *mut c_void) -> Result<(), String> {
        let how = ffi::SQLITE_UTF8;
        // SAFETY: SQLite copies the name; `data` outlives the connection.
        self.done(call(|| unsafe {
            ffi::sqlite3_create_function_v2(
                self.0,
                name.as_ptr(),
                1,
                how,
                data,
                Some(f),
                None,
                None,
                None,
            )
        }))
    }

    pub fn collation(&self, name: &CStr, f: Collation, data: *mut c_void) -> Result<(), String> {
        // SAFETY: as in `function`.
        self.done(call(|| unsafe {
            ffi::sqlite3_create_collation_v2(
                self.0,
                name.as_ptr(),
                ffi::SQLITE_UTF8,
                data,
                Some(f),
                None,
            )
        }))
    }

    pub fn execute(&self, sql: &str) -> Result<(), String> {
        self.query(sql, |_| ()).map(drop)
    }

    /// The one integer of the one row.
    pub fn integer(&self, sql: &str) -> Result<i64, String> {
        // SAFETY: the statement stands on a row.
        let rows = self.query(sql, |row| call(|| unsafe { ffi::sqlite3_column_int64(row, 0) }))?;
        rows.first().copied().ok_or_else(|| format!("no row: {sql}"))
    }

    /// The first column's texts.
    pub fn texts(&self, sql: &str) -> Result<Vec<String>, String> {
        let text = |row| {
            // SAFETY: the statement stands on a row, and the text stays until its next step.
            call(|| unsafe {
                let text = ffi::sqlite3_column_text(row, 0);
                match usize::try_from(ffi::sqlite3_column_bytes(row, 0)) {
                    Ok(bytes) if !text.is_null() => slice::from_raw_parts(text, bytes).to_vec(),
                    _ => Vec::new(),
                }
            })
        };
        let rows = self.query(sql, text)?;
        rows.into_iter().map(|text| String::from_utf8(text).map_err(|e| e.to_string())).collect()
    }

    fn query<T>(
        &self,
        sql: &str,
        mut row: impl FnMut(*mut ffi::sqlite3_stmt) -> T,
    ) -> Result<Vec<T>, String> {
        let text = CString::new(sql).map_err(|e| e.to_string())?;
        let mut statement = ptr::null_mut();
        // SAFETY: the text ends with a zero, and SQLite writes the statement.
        self.done(call(|| unsafe {
            ffi::sqlite3_prepare_v2(self.0, text.as_ptr(), -1, &raw mut statement, ptr::null_mut())
        }))?;
        let mut rows = Vec::new();
        let last = loop {
            // SAFETY: the statement is ours until it is finalized.
            match call(|| unsafe { ffi::sqlite3_step(statement) }) {
                ffi::SQLITE_ROW => rows.push(row(statement)),
                code => break code,
            }
        };
        let result = self.done(last);
        // SAFETY: as above; not used again.
        call(|| unsafe { ffi::sqlite3_finalize(statement) });
        result.map(|()| rows)
    }
}

impl Drop for Db {
    fn drop(&mut self) {
        // SAFETY: its statements are finalized; not used again.
        call(|| unsafe { ffi::sqlite3_close(self.0) });
    }
}
