//go:build unix

package ginsession

import (
	"io/fs"
	"os"
	"syscall"
)

// riskOf says what other users can do in a folder. Root is trusted.
func riskOf(folder fs.FileInfo) folderRisk {
	stat, ok := folder.Sys().(*syscall.Stat_t)
	switch {
	case !ok, stat.Uid != 0 && int(stat.Uid) != os.Geteuid():
		return othersReplace
	case folder.Mode()&0o022 == 0:
		return othersNothing
	case folder.Mode()&fs.ModeSticky != 0:
		return othersAdd
	default:
		return othersReplace
	}
}

// isMine reports whether a file belongs to this program's user.
func isMine(file fs.FileInfo) bool {
	stat, ok := file.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

// hasOneName reports whether no other hard link to a file exists.
func hasOneName(file fs.FileInfo) bool {
	stat, ok := file.Sys().(*syscall.Stat_t)
	return ok && stat.Nlink == 1
}
