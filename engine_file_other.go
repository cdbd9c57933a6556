//go:build !unix || aix || solaris

package ginsession

import (
	"os"
)

// unpolled has a value on Unix only.
const unpolled = 0

// syncFolder does nothing: these systems cannot sync a folder.
func syncFolder(*os.File) error { return nil }
