//! One line that makes a platform's functions free functions.

/// Writes the free functions and type aliases of a [`Platform`](crate::Platform): `go`,
/// `yield_now`, `JoinHandle<T>` and so on, into the module where it stands.
///
/// ```
/// # #[cfg(feature = "std")] {
/// // `Hosted` stands for any other platform.
/// mod rt {
///     g0_sched::platform!(g0_sched::Hosted);
/// }
/// let main = || rt::go(|| 6 * 7).join().unwrap();
/// assert_eq!(g0_sched::Runtime::builder().build().unwrap().run(main).unwrap(), 42);
/// # }
/// ```
#[macro_export]
macro_rules! platform {
    ($platform:ty) => {
        /// See [`g0_sched::generic::JoinHandle`]($crate::generic::JoinHandle).
        pub type JoinHandle<T> = $crate::generic::JoinHandle<T, $platform>;
        /// How a joined goroutine ended.
        pub type Outcome<T> = $crate::generic::Outcome<T, $platform>;
        /// See [`g0_sched::generic::Goroutine`]($crate::generic::Goroutine).
        pub type Goroutine = $crate::generic::Goroutine<$platform>;
        /// See [`g0_sched::generic::Chan`]($crate::generic::Chan).
        pub type Chan<T, const N: usize> =
            $crate::generic::Chan<T, $platform, [::core::mem::MaybeUninit<T>; N]>;
        /// See [`g0_sched::generic::Mutex`]($crate::generic::Mutex).
        pub type Mutex<T> = $crate::generic::Mutex<T, $platform>;
        /// See [`g0_sched::generic::MutexGuard`]($crate::generic::MutexGuard).
        pub type MutexGuard<'a, T> = $crate::generic::MutexGuard<'a, T, $platform>;
        /// See [`g0_sched::generic::RwLock`]($crate::generic::RwLock).
        pub type RwLock<T> = $crate::generic::RwLock<T, $platform>;
        /// See [`g0_sched::generic::RwLockReadGuard`]($crate::generic::RwLockReadGuard).
        pub type RwLockReadGuard<'a, T> = $crate::generic::RwLockReadGuard<'a, T, $platform>;
        /// See [`g0_sched::generic::RwLockWriteGuard`]($crate::generic::RwLockWriteGuard).
        pub type RwLockWriteGuard<'a, T> = $crate::generic::RwLockWriteGuard<'a, T, $platform>;
        /// See [`g0_sched::generic::Condvar`]($crate::generic::Condvar).
        pub type Condvar = $crate::generic::Condvar<$platform>;
        /// See [`g0_sched::generic::Semaphore`]($crate::generic::Semaphore).
        pub type Semaphore = $crate::generic::Semaphore<$platform>;
        /// See [`g0_sched::generic::Permit`]($crate::generic::Permit).
        pub type Permit<'a> = $crate::generic::Permit<'a, $platform>;
        /// See [`g0_sched::generic::Once`]($crate::generic::Once).
        pub type Once = $crate::generic::Once<$platform>;
        /// See [`g0_sched::generic::OnceCell`]($crate::generic::OnceCell).
        pub type OnceCell<T> = $crate::generic::OnceCell<T, $platform>;
        /// See [`g0_sched::generic::Barrier`]($crate::generic::Barrier).
        pub type Barrier = $crate::generic::Barrier<$platform>;
        /// See [`g0_sched::generic::WaitGroup`]($crate::generic::WaitGroup).
        pub type WaitGroup = $crate::generic::WaitGroup<$platform>;
        /// See [`g0_sched::generic::Scope`]($crate::generic::Scope).
        pub type Scope<'scope, 'env> = $crate::generic::Scope<'scope, 'env, $platform>;

        /// See [`g0_sched::generic::Instant`]($crate::generic::Instant).
        pub type Instant = $crate::generic::Instant<$platform>;
        /// See [`g0_sched::generic::Interval`]($crate::generic::Interval).
        pub type Interval = $crate::generic::Interval<$platform>;

        /// Starts `f` as a goroutine.
        ///
        /// # Panics
        ///
        /// When there is no runtime or no stack, and on the system stack. While the run ends the goroutine ends
        /// before it starts: `f` is dropped, and a joiner finds that it has left by `goexit`.
        #[track_caller]
        #[inline]
        pub fn go<F, T>(f: F) -> JoinHandle<T>
        where
            F: FnOnce() -> T + Send + 'static,
            T: Send + 'static,
        {
            match $crate::generic::Go::new().insists().spawn::<$platform, F, T>(f) {
                Ok(handle) => handle,
                Err(error) => $crate::generic::refuse(error),
            }
        }

        /// As [`go`], with an error in place of the panic.
        ///
        /// # Errors
        ///
        /// See [`Error`]($crate::Error); `f` is dropped.
        #[track_caller]
        #[inline]
        pub fn try_go<F, T>(f: F) -> ::core::result::Result<JoinHandle<T>, $crate::Error>
        where
            F: FnOnce() -> T + Send + 'static,
            T: Send + 'static,
        {
            $crate::generic::Go::new().spawn::<$platform, F, T>(f)
        }

        /// As [`go`], with a name that appears in messages.
        ///
        /// # Panics
        ///
        /// As [`go`].
        #[track_caller]
        #[inline]
        pub fn go_named<F, T>(name: &'static str, f: F) -> JoinHandle<T>
        where
            F: FnOnce() -> T + Send + 'static,
            T: Send + 'static,
        {
            match $crate::generic::Go::new().name(name).insists().spawn::<$platform, F, T>(f) {
                Ok(handle) => handle,
                Err(error) => $crate::generic::refuse(error),
            }
        }

        /// See [`g0_sched::generic::scope`]($crate::generic::scope).
        pub fn scope<'env, F, R>(f: F) -> R
        where
            F: for<'scope> ::core::ops::FnOnce(&'scope Scope<'scope, 'env>) -> R,
        {
            $crate::generic::scope::<$platform, F, R>(f)
        }

        /// See [`g0_sched::generic::yield_now`]($crate::generic::yield_now).
        #[inline]
        pub fn yield_now() {
            $crate::generic::yield_now::<$platform>()
        }

        /// See [`g0_sched::generic::park`]($crate::generic::park).
        #[inline]
        pub fn park() {
            $crate::generic::park::<$platform>()
        }

        /// See [`g0_sched::generic::block_on`]($crate::generic::block_on).
        pub fn block_on<F>(future: F) -> F::Output
        where
            F: ::core::future::IntoFuture,
        {
            $crate::generic::block_on::<$platform, F>(future)
        }

        /// See [`g0_sched::generic::sleep`]($crate::generic::sleep).
        pub fn sleep(length: ::core::time::Duration) {
            $crate::generic::sleep::<$platform>(length)
        }

        /// See [`g0_sched::generic::sleep_until`]($crate::generic::sleep_until).
        pub fn sleep_until(time: Instant) {
            $crate::generic::sleep_until::<$platform>(time)
        }

        /// See [`g0_sched::generic::interval`]($crate::generic::interval).
        pub fn interval(period: ::core::time::Duration) -> Interval {
            $crate::generic::interval::<$platform>(period)
        }

        /// See [`g0_sched::generic::timeout`]($crate::generic::timeout).
        ///
        /// # Errors
        ///
        /// [`Elapsed`]($crate::Elapsed) when the time was up.
        pub fn timeout<F>(
            length: ::core::time::Duration,
            future: F,
        ) -> ::core::result::Result<F::Output, $crate::Elapsed>
        where
            F: ::core::future::IntoFuture,
        {
            $crate::generic::timeout::<$platform, F>(length, future)
        }

        /// See [`g0_sched::generic::current`]($crate::generic::current).
        pub fn current() -> ::core::option::Option<Goroutine> {
            $crate::generic::current::<$platform>()
        }

        /// Stacks that grow by segments: see [`g0_sched::generic::grow`]($crate::generic::grow).
        pub mod grow {
            /// See [`g0_sched::generic::grow::call`]($crate::generic::grow::call).
            #[inline(always)]
            pub fn call<R>(need: usize, f: impl ::core::ops::FnOnce() -> R) -> R {
                $crate::generic::grow::call::<super::PlatformHere, R>(need, f)
            }

            /// See [`g0_sched::generic::grow::try_call`]($crate::generic::grow::try_call).
            ///
            /// # Errors
            ///
            /// [`Error::NoSegments`]($crate::Error::NoSegments) and [`Error::Segment`]($crate::Error::Segment).
            #[inline(always)]
            pub fn try_call<R>(
                need: usize,
                f: impl ::core::ops::FnOnce() -> R,
            ) -> ::core::result::Result<R, $crate::Error> {
                $crate::generic::grow::try_call::<super::PlatformHere, R>(need, f)
            }

            /// See [`g0_sched::generic::grow::remaining`]($crate::generic::grow::remaining).
            #[inline]
            pub fn remaining() -> usize {
                $crate::generic::grow::remaining::<super::PlatformHere>()
            }

            /// See [`g0_sched::generic::grow::trim`]($crate::generic::grow::trim).
            pub fn trim() -> usize {
                $crate::generic::grow::trim::<super::PlatformHere>()
            }
        }

        /// What the module `grow` finds its platform by.
        type PlatformHere = $platform;

        /// See [`g0_sched::generic::procs`]($crate::generic::procs).
        pub fn procs() -> usize {
            $crate::generic::procs::<$platform>()
        }

        /// See [`g0_sched::generic::set_procs`]($crate::generic::set_procs).
        ///
        /// # Errors
        ///
        /// [`Error::Procs`]($crate::Error::Procs) for none, or for more than the scheduler was given.
        pub fn set_procs(procs: usize) -> ::core::result::Result<usize, $crate::Error> {
            $crate::generic::set_procs::<$platform>(procs)
        }

        /// See [`g0_sched::generic::stats`]($crate::generic::stats).
        pub fn stats() -> ::core::option::Option<$crate::Stats> {
            $crate::generic::stats::<$platform>()
        }

        /// See [`g0_sched::generic::lock_os_thread`]($crate::generic::lock_os_thread).
        #[inline]
        pub fn lock_os_thread() {
            $crate::generic::lock_os_thread::<$platform>()
        }

        /// See [`g0_sched::generic::unlock_os_thread`]($crate::generic::unlock_os_thread).
        #[inline]
        pub fn unlock_os_thread() {
            $crate::generic::unlock_os_thread::<$platform>()
        }

        /// See [`g0_sched::generic::os_thread_locked`]($crate::generic::os_thread_locked).
        pub fn os_thread_locked() -> bool {
            $crate::generic::os_thread_locked::<$platform>()
        }
    };
}
