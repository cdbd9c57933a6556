//go:build !unix || aix || solaris

package ginsession

import (
	"os"
)

// unpolled is for systems where a plain file could be opened another way.
const unpolled = 0

// syncFolder does nothing where folders cannot be synced.
func syncFolder(*os.File) error { return nil }
