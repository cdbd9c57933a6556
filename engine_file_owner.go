package ginsession

import (
	"errors"
	"fmt"
	"io/fs"
)

// A folderRisk is what users other than the program's own can do in a folder.
type folderRisk uint8

const (
	othersNothing folderRisk = iota
	othersAdd                // files, without touching those of others: the sticky bit, as on /tmp
	othersReplace            // rename and remove any file, and put another in its place
)

// An unsafeFolder is the error of a folder that sessions cannot be kept in safely. It says why,
// and what to do.
type unsafeFolder struct{ problem string }

func (e *unsafeFolder) Error() string { return e.problem }

// checkAccess refuses a folder in which other users could make sessions. If records are signed,
// they may add files, which are not believed, but they must not rename one session to another.
func (f *fileFolder) checkAccess() error {
	risk := riskOf(f.info)
	f.shared = risk != othersNothing
	switch {
	case risk == othersReplace:
		return &unsafeFolder{"other users can replace the files in it: choose a folder that belongs to this program's user and that no other user can write to (File makes one that is missing)"}
	case risk == othersAdd && f.store.cfg.codec.signer == nil:
		return &unsafeFolder{"other users can add files to it, and so make sessions: choose a folder that only this program's user can write to (File makes one that is missing), or set SecretKey"}
	case risk == othersAdd:
		return f.makeLocks()
	}
	return nil
}

// makeLocks makes the files of all locks before other users can.
func (f *fileFolder) makeLocks() error {
	if err := f.locks.MakeFiles(); err != nil {
		return &unsafeFolder{fmt.Sprintf("%v: remove that file, which is probably another user's, or choose another folder", fileError("locked", err))}
	}
	return nil
}

// maxFileRecord is the size of the largest record, in bytes. A larger file is not read.
const maxFileRecord = 16 << 20

// Errors that stand for an absent record: somebody may have put the file there.
var (
	errSuspect   = fmt.Errorf("%w: its file", ErrNotFound)
	errIrregular = fmt.Errorf("%w is a link, a folder or a device", errSuspect)
	errForeign   = fmt.Errorf("%w belongs to another user", errSuspect)
	errLinked    = fmt.Errorf("%w has another name too, in a folder that other users can write to", errSuspect)
	errOversized = fmt.Errorf("%w is larger than %d bytes", errSuspect, maxFileRecord)
)

// believe returns why the content of an open file must not be taken for a session, or nil.
func (f *fileFolder) believe(file fs.FileInfo) error {
	switch {
	case !file.Mode().IsRegular():
		return errIrregular
	case !isMine(file):
		return errForeign
	case f.shared && !hasOneName(file):
		return errLinked
	case file.Size() > maxFileRecord:
		return errOversized
	}
	return nil
}

// checkSize refuses a record that could not be read again.
func checkSize(data []byte) error {
	if len(data) > maxFileRecord {
		return fmt.Errorf("the record has %d bytes: at most %d are kept", len(data), maxFileRecord)
	}
	return nil
}

// adviseOnFolder adds to a folder's error what to do about it.
func adviseOnFolder(err error) error {
	var unsafe *unsafeFolder
	if errors.As(err, &unsafe) {
		return err
	}
	return fmt.Errorf("%w: choose a folder that this program may read and write, and whose parent exists", err)
}
