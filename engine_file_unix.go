//go:build unix && !aix && !solaris

package ginsession

import (
	"errors"
	"os"
	"syscall"
)

// unpolled opens a file without waiting for a writer, were it a pipe after all, and spares it
// the detour by the network poller, which files do not go through.
const unpolled = syscall.O_NONBLOCK

// syncFolder brings the folder's names to the disk, where the file system knows how to.
func syncFolder(folder *os.File) error {
	err := folder.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}
