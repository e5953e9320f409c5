//! Sets of methods.

use super::bitset;

bitset! {
    /// The methods that `limit_except` knows.
    Methods {
        /// GET
        GET = 0 "GET",
        /// HEAD
        HEAD = 1 "HEAD",
        /// POST
        POST = 2 "POST",
        /// PUT
        PUT = 3 "PUT",
        /// DELETE
        DELETE = 4 "DELETE",
        /// MKCOL
        MKCOL = 5 "MKCOL",
        /// COPY
        COPY = 6 "COPY",
        /// MOVE
        MOVE = 7 "MOVE",
        /// OPTIONS
        OPTIONS = 8 "OPTIONS",
        /// PROPFIND
        PROPFIND = 9 "PROPFIND",
        /// PROPPATCH
        PROPPATCH = 10 "PROPPATCH",
        /// LOCK
        LOCK = 11 "LOCK",
        /// UNLOCK
        UNLOCK = 12 "UNLOCK",
        /// PATCH
        PATCH = 13 "PATCH",
    }
}
