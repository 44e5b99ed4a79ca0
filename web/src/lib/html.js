// SPDX-License-Identifier: Apache-2.0
// What every component needs: markup without a compiler, and state.
import { h, render, Fragment, createContext } from 'preact';
import htm from 'htm';

export const html = htm.bind(h);
export { h, render, Fragment, createContext };
export { useState, useEffect, useLayoutEffect, useMemo, useRef, useCallback, useContext, useReducer, useId } from 'preact/hooks';
