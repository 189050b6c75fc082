//go:build cuda && cgo && linux

package cuda

/*
#cgo CFLAGS: -D_GNU_SOURCE

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>

// library_open loads a library and returns its path, as the loader owns it; NULL when
// it cannot be loaded, and what the loader says in said. The library is never closed:
// CUDA's libraries keep threads and thread-local data that outlive a dlclose.
static const char *library_open(const char *name, void **handle, char *said, size_t size) {
	struct link_map *map = NULL;
	*handle = dlopen(name, RTLD_LAZY | RTLD_LOCAL);
	if (*handle == NULL) {
		snprintf(said, size, "%s", dlerror());
		return NULL;
	}
	if (dlinfo(*handle, RTLD_DI_LINKMAP, &map) != 0 || map == NULL) return name;
	return map->l_name;
}

// library_version calls the library's own version function; 0 when it has none.
static size_t library_version(void *handle, const char *function) {
	size_t (*version)(void) = (size_t (*)(void))dlsym(handle, function);
	return version != NULL ? version() : 0;
}
*/
import "C"

import (
	"fmt"
	"unsafe"
)

// blasLt are the names of cuBLASLt, newest first. The first that loads is the one
// that is used.
var blasLt = []string{"libcublasLt.so.13", "libcublasLt.so.12"}

func libraries() []Library {
	if lib, _, _ := loadFirst(blasLt); lib.Name != "" {
		return []Library{lib}
	}
	return nil
}

// loadFirst loads the first of the names of cuBLASLt that loads. Without one, said is the
// loader's message about the first, and the Library has no name.
func loadFirst(names []string) (lib Library, handle unsafe.Pointer, said string) {
	for _, name := range names {
		lib, handle, message := openLibrary(name, "cublasLtGetVersion")
		if handle != nil {
			return lib, handle, ""
		}
		if said == "" {
			said = message
		}
	}
	return Library{}, nil, said
}

// openLibrary loads name and asks its function for the version. Without a handle, said is
// the loader's message.
func openLibrary(name, function string) (lib Library, handle unsafe.Pointer, said string) {
	cname, cfunction := C.CString(name), C.CString(function)
	defer C.free(unsafe.Pointer(cname))
	defer C.free(unsafe.Pointer(cfunction))
	var text [1024]C.char // the loader's messages hold a path or two
	path := C.library_open(cname, &handle, &text[0], C.size_t(len(text)))
	if handle == nil {
		return Library{}, nil, C.GoString(&text[0])
	}
	lib = Library{Name: name, Path: resolve(C.GoString(path)), Version: libraryVersion(int(C.library_version(handle, cfunction)))}
	return lib, handle, ""
}

// libraryVersion writes a version as the toolkit does: 130002 is "13.0.2"; "" for none.
func libraryVersion(v int) string {
	if v <= 0 {
		return ""
	}
	return fmt.Sprintf("%d.%d.%d", v/10000, v/100%100, v%100)
}
