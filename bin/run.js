#!/bin/sh
':' //; unset NODE_EXTRA_CA_CERTS; exec node "$0" "$@"

// The line above is for sh, which starts node on this very file; for JavaScript it is a string and a comment. Node 20 parses the
// extra CA certificates at every start (36 ms), and netkit opens no TLS.
require('./load.cjs')
