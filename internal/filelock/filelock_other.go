//go:build !unix || aix || solaris

package filelock

import "context"

// lockProcesses does nothing: without flock only one process may use the folder.
func (l *Locks) lockProcesses(context.Context, string) (release func(), err error) {
	return func() {}, nil
}

// makeFile does nothing: the locks have no files.
func (l *Locks) makeFile(string) error { return nil }
