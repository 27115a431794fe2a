import{p as a,q as b}from"./chunk-DYP24G7J.js";import"./chunk-ZLRNDWBE.js";import"./chunk-73IDQYZD.js";export{b as ConversationList,a as ListOfLinks};
