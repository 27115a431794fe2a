import{p as a,q as b}from"./chunk-4M4U7EEQ.js";import"./chunk-GH4VL5QW.js";import"./chunk-73IDQYZD.js";export{b as ConversationList,a as ListOfLinks};
