//! A closed part of Python's pickle language: enough for dictionaries of tensors, and nothing that acts.
//!
//! Values are nodes of one arena and name each other by index, so that no input makes anything recurse; a byte of input
//! makes at most one node. A global name is a symbol of a closed list, and "calling" one only rearranges nodes; a tensor
//! copies sizes of [`DIMENSIONS_MAX`] dimensions and the key of its storage, so that five bytes cost a few hundred at most.

use std::collections::BTreeMap;

use super::Element;

/// More nodes than any state dict with its optimiser has.
const NODES_MAX: usize = 1 << 22;

/// More dimensions than the tensors of any model here have: a convolution over volumes has five.
const DIMENSIONS_MAX: usize = 8;

/// Longer than the key of any storage, in bytes: they are numbered.
const KEY_MAX: usize = 64;

/// A place of the arena.
pub(super) type Id = u32;

/// Why a pickle is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PickleError {
    /// A name outside the closed list: following it would execute the file's code.
    #[error("it wants `{0}`, which is not among the few names that a state dict needs")]
    Name(String),
    /// An operation outside the closed list.
    #[error("operation {code:#04x} at byte {at} is not among those that a state dict needs")]
    Operation {
        /// The byte.
        code: u8,
        /// Its place.
        at: usize,
    },
    /// The bytes end, or contradict themselves.
    #[error("it is malformed at byte {at}: {reason}")]
    Malformed {
        /// The place.
        at: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// More values than any state dict has.
    #[error("it makes more than {NODES_MAX} values")]
    TooMany,
}

/// A name that a state dict may use. None of them is ever called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Symbol {
    OrderedDict,
    Size,
    RebuildTensor,
    RebuildParameter,
    Storage(Element),
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    /// `None`, a truth value, a fraction or raw bytes: of no interest.
    Inert,
    Whole(i64),
    Text(String),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Symbol(Symbol),
    Storage(Storage),
    Tensor(Tensor),
}

/// The bytes behind tensors: an entry of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Storage {
    pub(super) key: String,
    pub(super) element: Element,
    pub(super) elements: usize,
}

/// Elements of a storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tensor {
    pub(super) storage: Storage,
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

/// All values of a pickle, and which of them it is.
#[derive(Debug)]
pub(super) struct Pickle {
    nodes: Vec<Node>,
    root: Id,
}

impl Pickle {
    /// The value of the whole.
    pub(super) fn root(&self) -> &Node {
        self.node(self.root)
    }

    pub(super) fn node(&self, id: Id) -> &Node {
        &self.nodes[id as usize]
    }

    /// Reads `bytes`, which must end with the pickle.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, PickleError> {
        let mut machine = Machine {
            bytes,
            at: 0,
            nodes: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: BTreeMap::new(),
        };
        let root = machine.run()?;
        Ok(Self { nodes: machine.nodes, root })
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: BTreeMap<u32, Id>,
}

type Done = Result<(), PickleError>;

impl Machine<'_> {
    fn run(&mut self) -> Result<Id, PickleError> {
        loop {
            let at = self.at;
            let [code] = self.array()?;
            match code {
                // STOP
                b'.' => {
                    let root = self.pop()?;
                    return if self.at == self.bytes.len() && self.stack.is_empty() {
                        Ok(root)
                    } else {
                        Err(self.malformed("something follows its end"))
                    };
                }
                // PROTO and FRAME say nothing that is needed.
                0x80 => drop(self.array::<1>()?),
                0x95 => drop(self.array::<8>()?),
                // MARK, POP
                b'(' => self.marks.push(self.stack.len()),
                b'0' => drop(self.pop()?),
                // BINPUT, LONG_BINPUT, MEMOIZE; BINGET, LONG_BINGET
                b'q' | b'r' | 0x94 => self.memoize(code)?,
                b'h' | b'j' => self.recall(code)?,
                // GLOBAL, STACK_GLOBAL, BINPERSID, REDUCE, BUILD
                b'c' => self.global()?,
                0x93 => self.stack_global()?,
                b'Q' => self.persistent()?,
                b'R' => self.reduce()?,
                b'b' => self.build()?,
                _ if self.collection(code)? => {}
                _ if self.literal(code)? => {}
                _ => return Err(PickleError::Operation { code, at }),
            }
        }
    }

    /// Tuples, lists and dictionaries; whether `code` is about one.
    fn collection(&mut self, code: u8) -> Result<bool, PickleError> {
        match code {
            // EMPTY_TUPLE, TUPLE1 to TUPLE3, TUPLE
            b')' => self.push(Node::Tuple(Vec::new()))?,
            0x85..=0x87 => {
                let items = self.pop_last(usize::from(code - 0x84))?;
                self.push(Node::Tuple(items))?;
            }
            b't' => {
                let items = self.pop_mark()?;
                self.push(Node::Tuple(items))?;
            }
            // EMPTY_LIST, APPEND, APPENDS
            b']' => self.push(Node::List(Vec::new()))?,
            b'a' => {
                let items = self.pop_last(1)?;
                self.extend_list(items)?;
            }
            b'e' => {
                let items = self.pop_mark()?;
                self.extend_list(items)?;
            }
            // EMPTY_DICT, SETITEM, SETITEMS
            b'}' => self.push(Node::Dict(Vec::new()))?,
            b's' => {
                let items = self.pop_last(2)?;
                self.extend_dict(&items)?;
            }
            b'u' => {
                let items = self.pop_mark()?;
                self.extend_dict(&items)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Values that stand in the bytes; whether `code` is one.
    fn literal(&mut self, code: u8) -> Result<bool, PickleError> {
        let node = match code {
            // NONE, NEWTRUE, NEWFALSE
            b'N' | 0x88 | 0x89 => Node::Inert,
            // BINFLOAT
            b'G' => {
                self.array::<8>()?;
                Node::Inert
            }
            // BININT, BININT1, BININT2, LONG1
            b'J' => Node::Whole(i64::from(i32::from_le_bytes(self.array()?))),
            b'K' => Node::Whole(i64::from(u8::from_le_bytes(self.array()?))),
            b'M' => Node::Whole(i64::from(u16::from_le_bytes(self.array()?))),
            0x8a => self.long()?,
            // BINUNICODE, SHORT_BINUNICODE
            b'X' => {
                let len = u32::from_le_bytes(self.array()?);
                self.text(len as usize)?
            }
            0x8c => {
                let [len] = self.array()?;
                self.text(usize::from(len))?
            }
            // BINBYTES, SHORT_BINBYTES
            b'B' => {
                let len = u32::from_le_bytes(self.array()?);
                self.take(len as usize)?;
                Node::Inert
            }
            b'C' => {
                let [len] = self.array()?;
                self.take(usize::from(len))?;
                Node::Inert
            }
            _ => return Ok(false),
        };
        self.push(node)?;
        Ok(true)
    }

    fn long(&mut self) -> Result<Node, PickleError> {
        let [len] = self.array()?;
        let bytes = self.take(usize::from(len))?;
        let Some((last, _)) = bytes.split_last().filter(|_| bytes.len() <= 8) else {
            // Zero has no bytes; what exceeds 64 bits is neither a size nor a place.
            return Ok(if bytes.is_empty() { Node::Whole(0) } else { Node::Inert });
        };
        let mut value = [if last & 0x80 == 0 { 0 } else { 0xff }; 8];
        value[..bytes.len()].copy_from_slice(bytes);
        Ok(Node::Whole(i64::from_le_bytes(value)))
    }

    fn text(&mut self, len: usize) -> Result<Node, PickleError> {
        let bytes = self.take(len)?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Node::Text(text.to_owned())),
            Err(_) => Err(self.malformed("a text is not UTF-8")),
        }
    }

    fn memoize(&mut self, code: u8) -> Done {
        let place = match code {
            b'q' => u32::from(u8::from_le_bytes(self.array()?)),
            b'r' => u32::from_le_bytes(self.array()?),
            _ => u32::try_from(self.memo.len()).map_err(|_| PickleError::TooMany)?,
        };
        let id = self.top()?;
        self.memo.insert(place, id);
        if self.memo.len() > NODES_MAX { Err(PickleError::TooMany) } else { Ok(()) }
    }

    fn recall(&mut self, code: u8) -> Done {
        let place = match code {
            b'h' => u32::from(u8::from_le_bytes(self.array()?)),
            _ => u32::from_le_bytes(self.array()?),
        };
        let id = *self
            .memo
            .get(&place)
            .ok_or_else(|| self.malformed("it recalls what was never kept"))?;
        self.stack.push(id);
        Ok(())
    }

    fn global(&mut self) -> Done {
        let module = self.line()?;
        let name = self.line()?;
        let symbol = symbol(&module, &name)?;
        self.push(Node::Symbol(symbol))
    }

    fn stack_global(&mut self) -> Done {
        let items = self.pop_last(2)?;
        let [Node::Text(module), Node::Text(name)] = [items[0], items[1]].map(|id| self.node(id))
        else {
            return Err(self.malformed("a name is no text"));
        };
        let symbol = symbol(module, name)?;
        self.push(Node::Symbol(symbol))
    }

    /// `("storage", type, key, location, elements)`: where it lay when it was saved means nothing here.
    fn persistent(&mut self) -> Done {
        let id = self.pop()?;
        let storage = match self.tuple(id) {
            Some([tag, kind, key, location, elements]) => {
                let parts = [*tag, *kind, *key, *location, *elements].map(|id| self.node(id));
                match parts {
                    [
                        Node::Text(tag),
                        Node::Symbol(Symbol::Storage(element)),
                        Node::Text(key),
                        Node::Text(_),
                        Node::Whole(elements),
                    ] if tag == "storage" && key.len() <= KEY_MAX => usize::try_from(*elements)
                        .ok()
                        .map(|elements| Storage { key: key.clone(), element: *element, elements }),
                    _ => None,
                }
            }
            _ => None,
        };
        let storage = storage.ok_or_else(|| self.malformed("a storage is not described as one"))?;
        self.push(Node::Storage(storage))
    }

    /// A symbol with its arguments: the value that its call would give.
    fn reduce(&mut self) -> Done {
        let items = self.pop_last(2)?;
        let Node::Symbol(symbol) = *self.node(items[0]) else {
            return Err(self.malformed("it calls what is no name"));
        };
        let arguments = self.tuple(items[1]).filter(|arguments| arguments.len() <= 8);
        let Some(arguments) = arguments.map(<[Id]>::to_vec) else {
            return Err(self.malformed("arguments are no short tuple"));
        };
        // Nothing is copied that a few bytes could make long.
        match (symbol, &*arguments) {
            (Symbol::OrderedDict, []) => return self.push(Node::Dict(Vec::new())),
            (Symbol::RebuildTensor, _) => {
                if let Some(tensor) = self.tensor(&arguments) {
                    return self.push(Node::Tensor(tensor));
                }
            }
            (Symbol::Size, [id]) if self.tuple(*id).is_some() => {
                self.stack.push(*id);
                return Ok(());
            }
            (Symbol::RebuildParameter, [id, ..]) if matches!(self.node(*id), Node::Tensor(_)) => {
                self.stack.push(*id);
                return Ok(());
            }
            _ => {}
        }
        Err(self.malformed("a call has other arguments than it takes"))
    }

    /// `(storage, offset, shape, strides, requires_grad, hooks[, metadata])`
    fn tensor(&self, arguments: &[Id]) -> Option<Tensor> {
        let [storage, offset, shape, strides, ..] = arguments else {
            return None;
        };
        let (Node::Storage(storage), Node::Whole(offset)) =
            (self.node(*storage), self.node(*offset))
        else {
            return None;
        };
        let sizes = |id: Id| {
            let sizes = self.tuple(id).filter(|sizes| sizes.len() <= DIMENSIONS_MAX)?;
            sizes.iter().map(|id| self.size(*id)).collect::<Option<Vec<usize>>>()
        };
        let (shape, strides) = (sizes(*shape)?, sizes(*strides)?);
        let offset = usize::try_from(*offset).ok()?;
        let tensor = Tensor { storage: storage.clone(), offset, shape, strides };
        (tensor.shape.len() == tensor.strides.len()).then_some(tensor)
    }

    fn size(&self, id: Id) -> Option<usize> {
        match self.node(id) {
            Node::Whole(size) => usize::try_from(*size).ok(),
            _ => None,
        }
    }

    /// Attributes of a dictionary, such as `_metadata`: dropped.
    fn build(&mut self) -> Done {
        self.pop()?;
        let id = self.top()?;
        if matches!(self.node(id), Node::Dict(_)) {
            Ok(())
        } else {
            Err(self.malformed("attributes of what has none"))
        }
    }

    fn extend_list(&mut self, items: Vec<Id>) -> Done {
        let id = self.top()?;
        match &mut self.nodes[id as usize] {
            Node::List(list) => list.extend(items),
            _ => return Err(self.malformed("it appends to what is no list")),
        }
        Ok(())
    }

    fn extend_dict(&mut self, items: &[Id]) -> Done {
        let id = self.top()?;
        let (pairs, rest) = items.as_chunks::<2>();
        match &mut self.nodes[id as usize] {
            Node::Dict(dict) if rest.is_empty() => {
                dict.extend(pairs.iter().map(|[key, value]| (*key, *value)));
            }
            _ => return Err(self.malformed("it sets items of what is no dictionary")),
        }
        Ok(())
    }

    fn node(&self, id: Id) -> &Node {
        &self.nodes[id as usize]
    }

    fn tuple(&self, id: Id) -> Option<&[Id]> {
        match self.node(id) {
            Node::Tuple(items) => Some(items),
            _ => None,
        }
    }

    fn push(&mut self, node: Node) -> Done {
        let id = u32::try_from(self.nodes.len()).map_err(|_| PickleError::TooMany)?;
        if self.nodes.len() >= NODES_MAX {
            return Err(PickleError::TooMany);
        }
        self.nodes.push(node);
        self.stack.push(id);
        Ok(())
    }

    /// Where the stack may be taken from: nothing below the last mark.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Result<Id, PickleError> {
        let above = self.stack.get(self.floor()..).unwrap_or_default();
        above.last().copied().ok_or_else(|| self.malformed("the stack is empty"))
    }

    fn pop(&mut self) -> Result<Id, PickleError> {
        let id = self.top()?;
        self.stack.pop();
        Ok(id)
    }

    fn pop_last(&mut self, count: usize) -> Result<Vec<Id>, PickleError> {
        let start = self.stack.len().checked_sub(count).filter(|start| *start >= self.floor());
        let start = start.ok_or_else(|| self.malformed("the stack is too short"))?;
        Ok(self.stack.split_off(start))
    }

    fn pop_mark(&mut self) -> Result<Vec<Id>, PickleError> {
        let mark = self.marks.pop().ok_or_else(|| self.malformed("there is no mark"))?;
        Ok(self.stack.split_off(mark))
    }

    fn take(&mut self, len: usize) -> Result<&[u8], PickleError> {
        let end = self.at.checked_add(len).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| self.malformed("it ends early"))?;
        let bytes = &self.bytes[self.at..end];
        self.at = end;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], PickleError> {
        let bytes = self.take(N)?;
        Ok(bytes.try_into().expect("as many as were taken"))
    }

    /// A text to the end of the line.
    fn line(&mut self) -> Result<String, PickleError> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|byte| *byte == b'\n');
        let end = end.ok_or_else(|| self.malformed("a name does not end"))?;
        let line = String::from_utf8_lossy(&rest[..end]).into_owned();
        self.at += end + 1;
        Ok(line)
    }

    fn malformed(&self, reason: &'static str) -> PickleError {
        PickleError::Malformed { at: self.at, reason }
    }
}

fn symbol(module: &str, name: &str) -> Result<Symbol, PickleError> {
    Ok(match (module, name) {
        ("collections", "OrderedDict") => Symbol::OrderedDict,
        ("torch", "Size") => Symbol::Size,
        ("torch._utils", "_rebuild_tensor_v2") => Symbol::RebuildTensor,
        ("torch._utils", "_rebuild_parameter") => Symbol::RebuildParameter,
        ("torch", "HalfStorage") => Symbol::Storage(Element::F16),
        ("torch", "BFloat16Storage") => Symbol::Storage(Element::BF16),
        ("torch", "FloatStorage") => Symbol::Storage(Element::F32),
        ("torch", "DoubleStorage") => Symbol::Storage(Element::F64),
        ("torch", "BoolStorage" | "ByteStorage" | "CharStorage") => {
            Symbol::Storage(Element::Whole(1))
        }
        ("torch", "ShortStorage") => Symbol::Storage(Element::Whole(2)),
        ("torch", "IntStorage") => Symbol::Storage(Element::Whole(4)),
        ("torch", "LongStorage") => Symbol::Storage(Element::Whole(8)),
        _ => {
            let shown: String = format!("{module}.{name}").chars().take(80).collect();
            return Err(PickleError::Name(shown.escape_debug().to_string()));
        }
    })
}
