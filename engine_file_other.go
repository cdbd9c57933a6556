//go:build !unix || aix || solaris

package ginsession

import (
	"context"
	"os"
)

// unpolled is for systems where a plain file could be opened another way.
const unpolled = 0

// syncFolder does nothing where folders cannot be synced.
func syncFolder(*os.File) error { return nil }

// lockProcesses does nothing: without flock one process uses the folder, see [File].
func (l *fileLocks) lockProcesses(context.Context, string) (release func(), err error) {
	return func() {}, nil
}
