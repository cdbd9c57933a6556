//go:build !unix

package ginsession

import "io/fs"

// Systems other than Unix have no owner and no mode to check: who may write to a folder is left
// to the administrator.

func riskOf(fs.FileInfo) folderRisk { return othersNothing }

func isMine(fs.FileInfo) bool { return true }

func hasOneName(fs.FileInfo) bool { return true }
