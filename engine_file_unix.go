//go:build unix && !aix && !solaris

package ginsession

import (
	"errors"
	"os"
	"syscall"
)

// unpolled opens a file without waiting for a writer, should it be a pipe after all, and without
// registering it with the network poller, which is of no use for files.
const unpolled = syscall.O_NONBLOCK

// syncFolder syncs the folder's names, if the file system supports that.
func syncFolder(folder *os.File) error {
	err := folder.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}
