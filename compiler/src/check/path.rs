//! Names, fields, indices and calls: what a path such as `pe.sections[0].name` or `hash.md5(0, filesize)` means.

use hallmark_image::schema::{Field, MODULES, Module, module_id};

use super::dotted;
use super::expr::type_name;
use super::rule::{Checked, Checker};
use crate::ast::{self, ExprKind};
use crate::codes;
use crate::diagnostic::{Edit, Span};
use crate::ir::{Expr, Kind, Type, Value};

impl<'c, 'a> Checker<'c, 'a> {
    pub(super) fn name(&mut self, name: &ast::Ident<'a>) -> Checked {
        self.named(name, false)
    }

    /// What a name means; `qualifies` says that a dot follows.
    fn named(&mut self, name: &ast::Ident<'a>, qualifies: bool) -> Checked {
        if let Some(variable) = self.scope.iter_mut().rev().find(|v| v.name == name.name) {
            variable.used = true;
            return Ok(Expr { kind: Kind::Local(variable.local), ty: variable.ty });
        }
        if let Some(id) = self.declarations.find(self.id, name.name) {
            if self.declarations.get(id).rule.global.is_some() && self.rule.global.is_none() {
                let finding = self.warning(
                    codes::GLOBAL_IN_CONDITION,
                    name.span,
                    format!("`{}` is a global rule", name.name),
                    "holds already when this is evaluated",
                );
                self.findings
                    .push(finding.with_help("leave it out; no rule matches unless all global ones do"));
            }
            let place = self.reference(id);
            return Ok(Expr { kind: Kind::Rule(place), ty: Type::Bool });
        }
        if let Some((id, module)) = self.module(name.name) {
            return Ok(Expr { kind: Kind::Module(id), ty: Type::Struct(module.fields) });
        }
        if let Some((index, ty)) = self.declarations.external(name.name) {
            return Ok(Expr { kind: Kind::External(index), ty });
        }
        Err(self.unknown_name(name, qualifies))
    }

    /// Reports a name that nothing has; `qualifies` says that a dot follows, as after the name of a module.
    fn unknown_name(&mut self, name: &ast::Ident<'a>, qualifies: bool) -> super::rule::Refused {
        let mut finding = self.error(
            codes::UNKNOWN_NAME,
            name.span,
            format!("unknown identifier `{}`", name.name),
            "nothing of this name is known here",
        );
        let near = self.declarations.nearest(self.id, name.name);
        if module_id(name.name).is_some() {
            let (help, edit) = self.import(name.name);
            finding = match qualifies {
                true => finding.with_fix(help, vec![edit]),
                false => finding.with_suggestion(help, vec![edit]),
            };
        } else if let Some(near) = near {
            finding = finding
                .with_suggestion(format!("did you mean `{near}`?"), vec![Edit::replace(name.span, near)]);
        } else {
            finding = finding.with_help(format!("define external variables with `-d {}=VALUE`", name.name));
        }
        self.refuse(finding)
    }

    /// How a module is imported: after the imports of the file, or first in it.
    fn import(&self, module: &str) -> (String, Edit) {
        let import = format!("import \"{module}\"");
        let help = format!("add `{import}` at the top of the file");
        match self.declarations.last_import(self.source()) {
            Some(end) => (help, Edit::insert(end, format!("\n{import}"))),
            None => (help, Edit::insert(0, format!("{import}\n"))),
        }
    }

    fn module(&self, name: &str) -> Option<(u16, &'static Module)> {
        let id = module_id(name).filter(|_| self.declarations.imported(self.id, name))?;
        Some((id, MODULES.get(usize::from(id))?))
    }

    /// The module a dotted path begins with, unless a variable or rule hides it, and the names after it.
    fn module_path(&self, path: &[&ast::Ident<'a>]) -> Option<(u16, &'static Module, String)> {
        let (first, rest) = path.split_first()?;
        let hidden = self.scope.iter().any(|v| v.name == first.name)
            || self.declarations.find(self.id, first.name).is_some();
        let (id, module) = self.module(first.name).filter(|_| !hidden)?;
        Some((id, module, rest.iter().map(|n| n.name).collect::<Vec<_>>().join(".")))
    }

    pub(super) fn field(&mut self, expr: &'a ast::Expr<'a>) -> Checked {
        if let Some((_, module, rest)) = dotted(expr).and_then(|path| self.module_path(&path))
            && let Some(constant) = module.constants.iter().find(|c| c.name == rest)
        {
            return Ok(Expr::constant(Value::Int(constant.value)));
        }
        let ExprKind::Field(base, name) = &expr.kind else { return self.expr(expr) };
        let base_expr = match &base.kind {
            ExprKind::Ident(name) => self.named(name, true)?,
            _ => self.expr(base)?,
        };
        let Type::Struct(fields) = base_expr.ty else {
            return Err(self.wrong_type(&base_expr.ty, "a structure", base.span));
        };
        match fields.iter().position(|f| f.name == name.name) {
            Some(index) => {
                let ty = fields[index].ty;
                Ok(Expr { kind: Kind::Field(Box::new(base_expr), index as u16), ty })
            }
            None => Err(self.unknown_field(fields, name)),
        }
    }

    fn unknown_field(&mut self, fields: &'static [Field], name: &ast::Ident<'a>) -> super::rule::Refused {
        let mut finding = self.error(
            codes::UNKNOWN_FIELD,
            name.span,
            format!("unknown field or function `{}`", name.name),
            "this does not exist here",
        );
        if let Some(near) = crate::suggest::nearest(name.name, fields.iter().map(|f| f.name)) {
            finding = finding
                .with_suggestion(format!("did you mean `{near}`?"), vec![Edit::replace(name.span, near)]);
        }
        self.refuse(finding)
    }

    pub(super) fn index(&mut self, base: &'a ast::Expr<'a>, index: &'a ast::Expr<'a>, span: Span) -> Checked {
        let (checked, key) = (self.expr(base), self.expr(index));
        let (checked, key) = (checked?, key?);
        let (element, wanted, key_type) = match checked.ty {
            Type::Array(element) => (element, "an integer", Type::Int),
            Type::Map(element) => (element, "a string", Type::Str),
            other => return Err(self.wrong_type(&other, "an array or map", base.span)),
        };
        if key.ty != key_type {
            return Err(self.wrong_type(&key.ty, wanted, index.span));
        }
        if key.as_int().is_some_and(|n| n < 0) {
            return Err(self.refuse(self.error(
                codes::NEGATIVE_NUMBER,
                span,
                "arrays are indexed from 0",
                "negative index",
            )));
        }
        Ok(Expr { kind: Kind::Index(Box::new(checked), Box::new(key)), ty: *element })
    }

    pub(super) fn call(
        &mut self,
        callee: &'a ast::Expr<'a>,
        args: &'a [ast::Expr<'a>],
        span: Span,
    ) -> Checked {
        let path = dotted(callee);
        if let Some([name]) = path.as_deref()
            && let Some(code) = read_int_code(name.name)
        {
            return self.read_int(code, args, span);
        }
        let Some((id, module, function)) = path.as_ref().and_then(|p| self.module_path(p)) else {
            return match path.as_deref().and_then(|p| p.first()) {
                Some(first)
                    if path.as_ref().is_some_and(|p| p.len() > 1)
                        || self.declarations.find(self.id, first.name).is_none() =>
                {
                    Err(self.unknown_name(first, path.as_ref().is_some_and(|p| p.len() > 1)))
                }
                _ => Err(self.refuse(self.error(
                    codes::WRONG_TYPE,
                    callee.span,
                    "this can't be called",
                    "not a function",
                ))),
            };
        };
        let overloads: Vec<_> =
            module.functions.iter().enumerate().filter(|(_, f)| f.name == function).collect();
        let args_checked = self.exprs(args)?;
        if overloads.is_empty() {
            let mut finding = self.error(
                codes::UNKNOWN_FIELD,
                callee.span,
                format!("module `{}` has no function `{function}`", module.name),
                "this does not exist here",
            );
            if let Some(near) = crate::suggest::nearest(&function, module.functions.iter().map(|f| f.name)) {
                let near = format!("{}.{near}", module.name);
                let help = format!("did you mean `{near}`?");
                finding = finding.with_suggestion(help, vec![Edit::replace(callee.span, near)]);
            }
            return Err(self.refuse(finding));
        }
        let types: Vec<Type> = args_checked.iter().map(|a| a.ty).collect();
        if let Some((index, found)) = overloads.iter().find(|(_, f)| f.args == types.as_slice()) {
            return Ok(Expr { kind: Kind::Call(id, *index as u16, args_checked), ty: found.result });
        }
        let shape = |types: &[Type]| types.iter().map(type_name).collect::<Vec<_>>().join(", ");
        let known: Vec<String> =
            overloads.iter().map(|(_, f)| format!("`{function}({})`", shape(f.args))).collect();
        Err(self.refuse(
            self.error(
                codes::WRONG_ARGUMENTS,
                span,
                format!("wrong arguments for `{}.{function}`", module.name),
                format!("called with ({})", shape(&types)),
            )
            .with_help(format!("it takes {}", known.join(" or "))),
        ))
    }

    fn read_int(&mut self, code: u8, args: &'a [ast::Expr<'a>], span: Span) -> Checked {
        let [offset] = args else {
            return Err(self.refuse(self.error(
                codes::WRONG_ARGUMENTS,
                span,
                "wrong arguments",
                "one offset is needed",
            )));
        };
        let offset = self.int(offset)?;
        Ok(Expr { kind: Kind::ReadInt(code, Box::new(offset)), ty: Type::Int })
    }
}

/// The code of [`hallmark_image::insn::Op::ReadInt`] for `uint16be` and its kin.
fn read_int_code(name: &str) -> Option<u8> {
    let (name, big) = name.strip_suffix("be").map_or((name, 0), |n| (n, 32));
    let (name, signed) =
        name.strip_prefix("uint").map_or_else(|| (name.strip_prefix("int"), 16), |n| (Some(n), 0));
    let width = match name? {
        "8" => 1,
        "16" => 2,
        "32" => 4,
        _ => return None,
    };
    Some(width + signed + big)
}
