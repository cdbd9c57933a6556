package ginsession

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// read returns the content and the modification time of a file. Both are of one version of the
// file, even if another process replaces it at the same time.
func (f *fileFolder) read(name string) ([]byte, time.Time, error) {
	data, modified, err := f.readRegular(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, time.Time{}, ErrNotFound
	}
	return data, modified, fileError("read", err)
}

func (f *fileFolder) readRegular(name string) ([]byte, time.Time, error) {
	info, err := f.root.Lstat(name) // an os.Root follows links that stay inside
	if err != nil {
		return nil, time.Time{}, err
	}
	if !info.Mode().IsRegular() {
		return nil, time.Time{}, errIrregular
	}
	file, err := f.root.OpenFile(name, os.O_RDONLY|unpolled, 0)
	if err != nil {
		return nil, time.Time{}, err
	}
	defer file.Close()
	if info, err = file.Stat(); err != nil {
		return nil, time.Time{}, err
	}
	if err := f.believe(info); err != nil {
		return nil, time.Time{}, err
	}
	data := make([]byte, info.Size())
	_, err = io.ReadFull(file, data)
	return data, info.ModTime(), err
}

// remove removes a file and reports whether it was there.
func (f *fileFolder) remove(name string) (bool, error) {
	err := f.root.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, fileError("removed", err)
}

// The name of a temporary file says when it was made, because its modification time is the
// record's, and by which store. No session's file has such a name, whatever the cookie is called:
// its key would have three characters.
const (
	temporaryPrefix = ".ginsession."
	temporarySuffix = ".tmp"
	temporaryAge    = time.Hour // a file of another process that is older was left behind by a crash
)

func (s *fileStore) temporaryName(now time.Time) string {
	return fmt.Sprintf("%s%d.%s.%d%s", temporaryPrefix, now.Unix(), s.id, s.serial.Add(1), temporarySuffix)
}

// write replaces the content of a file with a record, or changes nothing. Until then readers see
// the old content.
func (f *fileFolder) write(name string, r Record, now time.Time, synced bool) error {
	temporary := f.store.temporaryName(now)
	err := f.writeNew(temporary, r, synced)
	if err == nil {
		err = f.root.Rename(temporary, name)
	}
	if err != nil {
		_ = f.root.Remove(temporary)
	}
	return fileError("written", err)
}

// writeNew writes a record to a new file.
func (f *fileFolder) writeNew(name string, r Record, synced bool) error {
	data := pack(r.Data)
	if err := checkSize(data); err != nil {
		return err
	}
	file, err := f.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unpolled, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.Write(data); err != nil {
		return err
	}
	if err := f.root.Chtimes(name, time.Time{}, f.store.modified(r)); err != nil {
		return err
	}
	if !synced {
		return nil
	}
	return file.Sync()
}

// sync syncs the names in the folder.
func (f *fileFolder) sync() error { return fileError("written", syncFolder(f.self)) }

// fileError says what could not be done. It leaves out the file's name, which contains the key.
func fileError(done string, err error) error {
	if err == nil || errors.Is(err, ErrNotFound) {
		return err
	}
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		err = path.Err
	case errors.As(err, &link):
		err = link.Err
	}
	return fmt.Errorf("ginsession: a session's file cannot be %s: %w", done, err)
}
