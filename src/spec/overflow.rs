//! Where a number comes from that does not fit: the smallest expression that cannot be computed though its parts can.

use std::panic::{self, AssertUnwindSafe};

use dhall::semantics::{Hir, HirKind, TyEnv};
use dhall::syntax::{ExprKind, Span};

use super::engine::{self, type_of};

/// Where `hir`, whose imports are in `env`, computes a number that does not fit.
pub(super) fn find<'cx>(env: &TyEnv<'cx>, hir: &Hir<'cx>) -> Option<Span> {
    let normal_form = || type_of(env, hir).ok().map(|typed| typed.eval(env).to_expr_tyenv(env));
    let computed = panic::catch_unwind(AssertUnwindSafe(normal_form));
    let is_it = computed.is_err_and(|payload| engine::is_number(&*payload));
    is_it.then(|| smallest(env, hir))
}

/// The same of an expression that is known to.
fn smallest<'cx>(env: &TyEnv<'cx>, hir: &Hir<'cx>) -> Span {
    let mut inside = None;
    match hir.kind() {
        HirKind::Expr(ExprKind::Let(name, _, value, body)) => {
            if let Some(place) = find(env, value) {
                return place;
            }
            if let Ok(typed) = type_of(env, value) {
                let env = env.insert_value(name, typed.eval(env), typed.ty().clone());
                return smallest(&env, body);
            }
        }
        HirKind::Expr(ExprKind::Lam(name, domain, body) | ExprKind::Pi(name, domain, body)) => {
            inside = find(env, domain);
            if inside.is_none()
                && let Ok(ty) = type_of(env, domain).and_then(|typed| typed.eval_to_type(env))
            {
                inside = find(&env.insert_type(name, ty), body);
            }
        }
        HirKind::Expr(kind) => {
            kind.map_ref(|part| inside = inside.take().or_else(|| find(env, part)));
        }
        _ => {}
    }
    inside.unwrap_or_else(|| hir.span())
}
